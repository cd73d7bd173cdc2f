// Generated from proto/message.proto by scripts/proto.ts: edit the schema, not this file.
/*eslint-disable block-scoped-var, id-length, no-control-regex, no-magic-numbers, no-mixed-operators, no-prototype-builtins, no-redeclare, no-shadow, no-var, sort-vars, default-case, jsdoc/require-param*/
import $protobuf from "protobufjs/minimal.js";

const $Reader = $protobuf.Reader, $Writer = $protobuf.Writer, $util = $protobuf.util;
const $Object = $util.global.Object, $undefined = $util.global.undefined, $Error = $util.global.Error, $RangeError = $util.global.RangeError;

const $root = $protobuf.roots["default"] || ($protobuf.roots["default"] = {});

export const tunnel = $root.tunnel = (() => {

    const tunnel = {};

    tunnel.Message = (function() {

        const Message = function (properties) {
            this.availableServiceIds = [];
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        Message.prototype.type = 0;
        Message.prototype.streamId = 0;
        Message.prototype.ignorable = false;
        Message.prototype.payload = $util.newBuffer([]);
        Message.prototype.serviceId = "";
        Message.prototype.availableServiceIds = $util.emptyArray;
        Message.prototype.connectionId = 0;

        Message.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.type != null && $Object.hasOwnProperty.call(message, "type") && message.type !== 0)
                writer.uint32(8).int32(message.type);
            if (message.streamId != null && $Object.hasOwnProperty.call(message, "streamId") && message.streamId !== 0)
                writer.uint32(16).int32(message.streamId);
            if (message.ignorable != null && $Object.hasOwnProperty.call(message, "ignorable") && message.ignorable !== false)
                writer.uint32(24).bool(message.ignorable);
            if (message.payload != null && $Object.hasOwnProperty.call(message, "payload") && message.payload.length)
                writer.uint32(34).bytes(message.payload);
            if (message.serviceId != null && $Object.hasOwnProperty.call(message, "serviceId") && message.serviceId !== "")
                writer.uint32(42).string(message.serviceId);
            if (message.availableServiceIds != null && message.availableServiceIds.length)
                for (let i = 0; i < message.availableServiceIds.length; ++i)
                    writer.uint32(50).string(message.availableServiceIds[i]);
            if (message.connectionId != null && $Object.hasOwnProperty.call(message, "connectionId") && message.connectionId !== 0)
                writer.uint32(56).uint32(message.connectionId);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        Message.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.tunnel.Message();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.int32())
                            message.type = value;
                        else
                            delete message.type;
                        continue;
                    }
                case 2: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.int32())
                            message.streamId = value;
                        else
                            delete message.streamId;
                        continue;
                    }
                case 3: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.bool())
                            message.ignorable = value;
                        else
                            delete message.ignorable;
                        continue;
                    }
                case 4: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.bytes()).length)
                            message.payload = value;
                        else
                            delete message.payload;
                        continue;
                    }
                case 5: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.serviceId = value;
                        else
                            delete message.serviceId;
                        continue;
                    }
                case 6: {
                        if (wireType !== 2)
                            break;
                        if (!(message.availableServiceIds && message.availableServiceIds.length))
                            message.availableServiceIds = [];
                        message.availableServiceIds.push(reader.stringVerify());
                        continue;
                    }
                case 7: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.uint32())
                            message.connectionId = value;
                        else
                            delete message.connectionId;
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        Message.Type = (function() {
            const valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "UNKNOWN"] = 0;
            values[valuesById[1] = "DATA"] = 1;
            values[valuesById[2] = "STREAM_START"] = 2;
            values[valuesById[3] = "STREAM_RESET"] = 3;
            values[valuesById[4] = "SESSION_RESET"] = 4;
            values[valuesById[5] = "SERVICE_IDS"] = 5;
            values[valuesById[6] = "CONNECTION_START"] = 6;
            values[valuesById[7] = "CONNECTION_RESET"] = 7;
            return values;
        })();

        return Message;
    })();

    return tunnel;
})();

export {
  $root as default
};
