// The partitions of AWS: which regions belong together, and how their host names end. From the partition table that
// AWS publishes with its SDKs; the classified partitions are as it lists them.

/** Regions that share accounts, credentials and the ends of host names. */
export interface Partition {
  readonly id: string;
  /** Form of its regions' names, known or to come. */
  readonly form: RegExp;
  /** End of the usual host names. */
  readonly suffix: string;
  /** End of the host names that have IPv4 and IPv6 addresses. */
  readonly dualStackSuffix: string;
  readonly regions: readonly string[];
}

/** Where every region lies, and more than one together: us-gov-east-1, cn-northwest-1, ap-southeast-7. */
const COMPASS = "(?:north|south|east|west|central|northeast|northwest|southeast|southwest)";

const AWS: Partition = {
  id: "aws",
  form: new RegExp(`^(us|eu|ap|sa|ca|me|af|il|mx)-${COMPASS}-\\d+$`),
  suffix: "amazonaws.com",
  dualStackSuffix: "api.aws",
  regions: [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
  ],
};

const OTHERS: readonly Partition[] = [
  {
    id: "aws-cn",
    form: new RegExp(`^cn-${COMPASS}-\\d+$`),
    suffix: "amazonaws.com.cn",
    dualStackSuffix: "api.amazonwebservices.com.cn",
    regions: ["cn-north-1", "cn-northwest-1"],
  },
  {
    id: "aws-us-gov",
    form: new RegExp(`^us-gov-${COMPASS}-\\d+$`),
    suffix: "amazonaws.com",
    dualStackSuffix: "api.aws",
    regions: ["us-gov-east-1", "us-gov-west-1"],
  },
  {
    id: "aws-eusc",
    form: new RegExp(`^eusc-de-${COMPASS}-\\d+$`),
    suffix: "amazonaws.eu",
    dualStackSuffix: "api.amazonwebservices.eu",
    regions: ["eusc-de-east-1"],
  },
  {
    id: "aws-iso",
    form: new RegExp(`^us-iso-${COMPASS}-\\d+$`),
    suffix: "c2s.ic.gov",
    dualStackSuffix: "api.aws.ic.gov",
    regions: ["us-iso-east-1", "us-iso-west-1"],
  },
  {
    id: "aws-iso-b",
    form: new RegExp(`^us-isob-${COMPASS}-\\d+$`),
    suffix: "sc2s.sgov.gov",
    dualStackSuffix: "api.aws.scloud",
    regions: ["us-isob-east-1", "us-isob-west-1"],
  },
  {
    id: "aws-iso-e",
    form: new RegExp(`^eu-isoe-${COMPASS}-\\d+$`),
    suffix: "cloud.adc-e.uk",
    dualStackSuffix: "api.cloud-aws.adc-e.uk",
    regions: ["eu-isoe-west-1"],
  },
  {
    id: "aws-iso-f",
    form: new RegExp(`^us-isof-${COMPASS}-\\d+$`),
    suffix: "csp.hci.ic.gov",
    dualStackSuffix: "api.aws.hci.ic.gov",
    regions: ["us-isof-east-1", "us-isof-south-1"],
  },
];

const PARTITIONS: readonly Partition[] = [AWS, ...OTHERS];

/** Every region known when this was written. */
export const KNOWN_REGIONS: readonly string[] = PARTITIONS.flatMap(({ regions }) => regions);

/** The partition that a region's name belongs to by its form; that of most regions for every other name. */
export function partitionOf(region: string): Partition {
  return PARTITIONS.find(({ form }) => form.test(region)) ?? AWS;
}

/** Whether AWS could have a region of this name: its form is that of a partition's regions. */
export function isPossibleRegion(region: string): boolean {
  return PARTITIONS.some(({ form }) => form.test(region));
}
