# Drives all eight operations through boto3, right and wrong, against the endpoint in AWS_ENDPOINT_URL, and prints
# what came back as one JSON document; control-plane.test.ts looks at it.
import json
import os
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

# In legacy mode a LimitExceededException is not taken for throttling and tried again.
CONFIG = Config(retries={"mode": "legacy", "max_attempts": 0})


def make_client(**credentials):
    return boto3.client(
        "iotsecuretunneling",
        endpoint_url=os.environ["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        verify=os.environ["AWS_CA_BUNDLE"],
        config=CONFIG,
        **credentials,
    )


client = make_client(aws_access_key_id="local", aws_secret_access_key="local")


def answer_of(call):
    answer = call()
    status = answer.pop("ResponseMetadata")["HTTPStatusCode"]
    return {"status": status, **answer}


def fault_of(call):
    try:
        call()
    except ClientError as error:
        modelled = {
            "ResourceNotFoundException": client.exceptions.ResourceNotFoundException,
            "LimitExceededException": client.exceptions.LimitExceededException,
        }
        code = error.response["Error"]["Code"]
        return {
            "code": code,
            "message": error.response["Error"]["Message"],
            "status": error.response["ResponseMetadata"]["HTTPStatusCode"],
            "requestId": error.response["ResponseMetadata"].get("RequestId"),
            "isModelledClass": isinstance(error, modelled.get(code, ())),
        }
    return {"code": "none"}


def drive():
    opened = answer_of(
        lambda: client.open_tunnel(
            description="Pumpe n° 7",
            tags=[{"key": "team", "value": "water"}],
            destinationConfig={"thingName": "pump-7", "services": ["SSH", "VNC"]},
            timeoutConfig={"maxLifetimeTimeoutMinutes": 60},
        )
    )
    tunnel_id, arn = opened["tunnelId"], opened["tunnelArn"]
    bare = answer_of(lambda: client.open_tunnel())
    config = {"thingName": "pump-7", "services": ["SSH"]}
    return {
        "opened": opened,
        "described": answer_of(lambda: client.describe_tunnel(tunnelId=tunnel_id)),
        "describedBare": answer_of(lambda: client.describe_tunnel(tunnelId=bare["tunnelId"])),
        "listed": answer_of(lambda: client.list_tunnels()),
        "listedThing": answer_of(lambda: client.list_tunnels(thingName="pump-7")),
        "firstPage": answer_of(lambda: client.list_tunnels(maxResults=1)),
        "secondPage": answer_of(
            lambda: client.list_tunnels(maxResults=1, nextToken=client.list_tunnels(maxResults=1)["nextToken"])
        ),
        "rotatedSource": answer_of(
            lambda: client.rotate_tunnel_access_token(tunnelId=tunnel_id, clientMode="SOURCE")
        ),
        "rotatedDestination": answer_of(
            lambda: client.rotate_tunnel_access_token(
                tunnelId=tunnel_id, clientMode="DESTINATION", destinationConfig=config
            )
        ),
        "rotatedAll": answer_of(lambda: client.rotate_tunnel_access_token(tunnelId=tunnel_id, clientMode="ALL")),
        "tagged": answer_of(lambda: client.tag_resource(resourceArn=arn, tags=[{"key": "stage", "value": ""}])),
        "tags": answer_of(lambda: client.list_tags_for_resource(resourceArn=arn)),
        "untagged": answer_of(lambda: client.untag_resource(resourceArn=arn, tagKeys=["team", "absent"])),
        "tagsLeft": answer_of(lambda: client.list_tags_for_resource(resourceArn=arn)),
        "closed": answer_of(lambda: client.close_tunnel(tunnelId=tunnel_id)),
        "describedClosed": answer_of(lambda: client.describe_tunnel(tunnelId=tunnel_id)),
        "closedAgain": answer_of(lambda: client.close_tunnel(tunnelId=tunnel_id, delete=False)),
        "rotateClosed": fault_of(
            lambda: client.rotate_tunnel_access_token(tunnelId=tunnel_id, clientMode="ALL")
        ),
        "deleted": answer_of(lambda: client.close_tunnel(tunnelId=tunnel_id, delete=True)),
        "describeDeleted": fault_of(lambda: client.describe_tunnel(tunnelId=tunnel_id)),
        "tagDeleted": fault_of(lambda: client.tag_resource(resourceArn=arn, tags=[{"key": "k", "value": "v"}])),
        "fourServices": fault_of(
            lambda: client.open_tunnel(destinationConfig={"services": ["a", "b", "c", "d"]})
        ),
        "repeatedService": fault_of(lambda: client.open_tunnel(destinationConfig={"services": ["a", "a"]})),
        "sourceWithConfig": fault_of(
            lambda: client.rotate_tunnel_access_token(
                tunnelId=bare["tunnelId"], clientMode="SOURCE", destinationConfig=config
            )
        ),
        "longLifetime": fault_of(lambda: client.open_tunnel(timeoutConfig={"maxLifetimeTimeoutMinutes": 721})),
        "largePage": fault_of(lambda: client.list_tunnels(maxResults=101)),
        "wrongMode": fault_of(
            lambda: client.rotate_tunnel_access_token(tunnelId=bare["tunnelId"], clientMode="source")
        ),
        "wrongPage": fault_of(lambda: client.list_tunnels(nextToken="x")),
        "reservedTag": fault_of(lambda: client.open_tunnel(tags=[{"key": "aws:x", "value": ""}])),
        "otherService": fault_of(call_as_other_service),
        "unsigned": fault_of(call_unsigned),
    }


def call_as_other_service():
    other = make_client(aws_access_key_id="local", aws_secret_access_key="local")
    other.meta.events.register("choose-signer.*", lambda **_: None)
    other._request_signer._signing_name = "iot"
    return other.list_tunnels()


def call_unsigned():
    import botocore

    unsigned = boto3.client(
        "iotsecuretunneling",
        endpoint_url=os.environ["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        verify=os.environ["AWS_CA_BUNDLE"],
        config=CONFIG.merge(Config(signature_version=botocore.UNSIGNED)),
    )
    return unsigned.list_tunnels()


def describe_model():
    """Every request of the service model, in the words of constraints.ts."""
    model = client.meta.service_model

    def constraint(shape):
        facts = {"type": shape.type_name}
        facts.update({key: shape.metadata[key] for key in ("min", "max", "pattern") if key in shape.metadata})
        if "enum" in shape.metadata:
            facts["values"] = shape.metadata["enum"]
        if shape.type_name == "list":
            facts["of"] = constraint(shape.member)
        if shape.type_name == "structure":
            facts["members"] = {name: constraint(member) for name, member in shape.members.items()}
            if shape.required_members:
                facts["required"] = shape.required_members
        return facts

    return {name: constraint(model.operation_model(name).input_shape) for name in model.operation_names}


json.dump(describe_model() if sys.argv[1:] == ["model"] else drive(), sys.stdout, default=lambda time: time.timestamp())
