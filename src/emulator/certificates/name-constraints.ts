import { AsnConvert } from "@peculiar/asn1-schema";
import { GeneralName, GeneralSubtree, GeneralSubtrees, NameConstraints } from "@peculiar/asn1-x509";

/** The value of an extension that lets a CA vouch for DNS `names`, and all names below them, only. */
export function encodeNameConstraints(names: readonly string[]): ArrayBuffer {
  const subtrees = names.map((dNSName) => new GeneralSubtree({ base: new GeneralName({ dNSName }) }));
  return AsnConvert.serialize(new NameConstraints({ permittedSubtrees: new GeneralSubtrees(subtrees) }));
}

/** The DNS names that such an extension permits. Throws when the value is none. */
export function decodeNameConstraints(value: ArrayBuffer): string[] {
  const { permittedSubtrees = [] } = AsnConvert.parse(value, NameConstraints);
  return [...permittedSubtrees].flatMap(({ base }) => base.dNSName ?? []);
}
