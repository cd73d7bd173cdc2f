// The rows of docs/conformance.md that come of tests.

/** A row: what is tried, by which test. */
export interface Row {
  readonly what: string;
  readonly from: string;
  readonly test: string;
  /** The name under which the test tells how many cases held; absent: its tests are counted. */
  readonly tally?: string;
  readonly needs?: "cases" | "reference";
}

/** What came of a row. */
export interface Measured {
  readonly held: string;
  readonly test: string;
}

export const ROWS: readonly Row[] = [
  {
    what: "hosts by region, FIPS, dual-stack and endpoints of one's own",
    from: "botocore, for this very service",
    test: "test/unit/cli/target/target.test.ts",
    tally: "endpoints",
    needs: "cases",
  },
  {
    what: "signatures by header (SigV4)",
    from: "aws-c-auth",
    test: "test/unit/emulator/control-plane/signature.test.ts",
    tally: "signatures",
    needs: "cases",
  },
  {
    what: "the same with any one bit flipped, all refused",
    from: "aws-c-auth",
    test: "test/unit/emulator/control-plane/signature.test.ts",
    tally: "signatures with a bit flipped",
    needs: "cases",
  },
  {
    what: "answers of AWS JSON 1.1, read by our client",
    from: "botocore, shapes of other services",
    test: "test/unit/aws/service-call.test.ts",
    tally: "answers of AWS JSON 1.1",
    needs: "cases",
  },
  {
    what: "of these, errors that are told by their name",
    from: "botocore",
    test: "test/unit/aws/service-call.test.ts",
    tally: "errors of AWS JSON 1.1",
    needs: "cases",
  },
  {
    what: "requests of AWS JSON 1.1 with foreign shapes, each sent to all eight operations",
    from: "botocore, shapes of other services",
    test: "test/unit/emulator/control-plane/foreign-requests.test.ts",
    tally: "requests of AWS JSON 1.1",
    needs: "cases",
  },
  {
    what: "byte sequences for an MQTT broker, 3.1 to 5, over TLS with a device certificate",
    from: "Mosquitto",
    test: "test/unit/emulator/notify/conformance.test.ts",
    tally: "MQTT sequences",
    needs: "cases",
  },
  {
    what: "AWS CLI and boto3, all eight operations, right and wrong, and botocore's model of them",
    from: "AWS",
    test: "test/e2e/control-plane.test.ts",
  },
  {
    what: "account, region and hosts beside the AWS CLI, in the same environment and files",
    from: "AWS",
    test: "test/e2e/aws-account.test.ts",
  },
  {
    what: "the reference proxy on either side, in formats V1, V2 and V3",
    from: "AWS",
    test: "test/e2e/reference.test.ts",
    needs: "reference",
  },
  {
    what: "HTTP servers and clients through the reference proxy",
    from: "AWS",
    test: "test/e2e/reference-http.test.ts",
    needs: "reference",
  },
  {
    what: "the reference proxy beside ends that offer continuity",
    from: "AWS",
    test: "test/e2e/continuity-reference.test.ts",
    needs: "reference",
  },
  {
    what: "the command line, settings and sentences of the reference proxy",
    from: "AWS",
    test: "test/e2e/localproxy.test.ts",
    needs: "reference",
  },
  {
    what: "what AWS Device Client and aws-c-iot send, byte for byte",
    from: "AWS",
    test: "test/unit/engine/device-client.test.ts",
  },
];

const MARKS = /(?<=<!-- results -->\n).*?(?=<!-- \/results -->)/s;
const ROW = /^\| (?<what>.*?) \| .*? \| (?<held>.*?) \| `(?<test>.*?)` \|$/gm;

/** The rows of a page, by what they are about. */
export function rowsOf(page: string): Map<string, Measured> {
  const rows = [...(MARKS.exec(page)?.[0] ?? "").matchAll(ROW)];
  return new Map(
    rows.map(({ groups: { what = "", held = "", test = "" } = {} }) => [what, { held, test }] as const),
  );
}

/** The page with these results. Throws Error for a page without its marks. */
export function pageWith(page: string, results: ReadonlyMap<string, Measured>, madeWith: string): string {
  if (!MARKS.test(page)) throw new Error("the page lacks <!-- results --> and <!-- /results -->");
  const rows = ROWS.map(
    ({ what, from, test }) => `| ${what} | ${from} | ${results.get(what)?.held} | \`${test}\` |`,
  );
  const table = ["| what | whose | held | test |", "|---|---|---|---|", ...rows];
  return page.replace(MARKS, () => [...table, "", `${madeWith}.`, ""].join("\n"));
}
