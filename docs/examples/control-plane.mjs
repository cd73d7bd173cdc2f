// The control plane: open, look at, rotate, list and close a tunnel. Against AWS leave the argument of createControlPlane
// out: region and credentials are found where the AWS CLI finds them.
import { createControlPlane } from "tunnel/control-plane";
import { serveLocal } from "tunnel/emulator";
import { TunnelError } from "tunnel/errors";

const service = await serveLocal();
const control = createControlPlane(service.controlPlane);

const destinationConfig = { thingName: "pump-7", services: ["SSH"] };
const { tunnelId } = await control.openTunnel({ description: "a look at pump-7", destinationConfig });
const { status, createdAt } = await control.describeTunnel(tunnelId);
console.log(status, createdAt instanceof Date);

const { sourceAccessToken } = await control.rotateTunnelAccessToken({ tunnelId, clientMode: "SOURCE" });
console.log(typeof sourceAccessToken);
console.log((await control.listTunnels({ thingName: "pump-7", max: 10 })).length);
await control.closeTunnel({ tunnelId, delete: true });
try {
  await control.describeTunnel(tunnelId);
} catch (error) {
  if (!(error instanceof TunnelError)) throw error;
  console.log(error.code);
}

control.close();
await service.close();
