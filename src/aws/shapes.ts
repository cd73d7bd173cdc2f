// Requests and answers of the eight operations, member for member as the service model 2018-10-05 has them. Of an
// answer those members are required without which nothing can be done with it; the model itself promises hardly any.
// `Time` is a Date for whoever calls the service and a Timestamp on the wire. The limits of each member are in
// emulator/control-plane: members.ts and the file of each operation.

/** Seconds since 1970 with a fraction of milliseconds: how a timestamp travels in AWS JSON 1.1. */
export type Timestamp = number;

export type TunnelStatus = "OPEN" | "CLOSED";
export type ConnectionStatus = "CONNECTED" | "DISCONNECTED";

/** The side whose access token is rotated; ALL is both. */
export type ClientMode = "SOURCE" | "DESTINATION" | "ALL";

export interface Tag {
  readonly key: string;
  readonly value: string;
}

/** Where a tunnel leads: the device (absent when tokens are carried by hand) and what is reached on it. */
export interface DestinationConfig {
  readonly thingName?: string | undefined;
  readonly services: readonly string[];
}

/** Lifetime in minutes, 1 to 720; the service takes 720 when none is given. */
export interface TimeoutConfig {
  readonly maxLifetimeTimeoutMinutes?: number | undefined;
}

export interface ConnectionState<Time = Date> {
  readonly status?: ConnectionStatus | undefined;
  readonly lastUpdatedAt?: Time | undefined;
}

export interface Tunnel<Time = Date> {
  readonly tunnelId: string;
  readonly tunnelArn?: string | undefined;
  readonly status: TunnelStatus;
  readonly sourceConnectionState?: ConnectionState<Time> | undefined;
  readonly destinationConnectionState?: ConnectionState<Time> | undefined;
  readonly description?: string | undefined;
  readonly destinationConfig?: DestinationConfig | undefined;
  readonly timeoutConfig?: TimeoutConfig | undefined;
  readonly tags?: readonly Tag[] | undefined;
  readonly createdAt: Time;
  readonly lastUpdatedAt?: Time | undefined;
}

export interface TunnelSummary<Time = Date> {
  readonly tunnelId: string;
  readonly tunnelArn?: string | undefined;
  readonly status?: TunnelStatus | undefined;
  readonly description?: string | undefined;
  readonly createdAt?: Time | undefined;
  readonly lastUpdatedAt?: Time | undefined;
}

export interface OpenTunnelRequest {
  readonly description?: string | undefined;
  readonly tags?: readonly Tag[] | undefined;
  readonly destinationConfig?: DestinationConfig | undefined;
  readonly timeoutConfig?: TimeoutConfig | undefined;
}

/** The only answer, besides rotation's, that holds access tokens; the service cannot show them again. */
export interface OpenTunnelResponse {
  readonly tunnelId: string;
  readonly tunnelArn?: string | undefined;
  readonly sourceAccessToken: string;
  readonly destinationAccessToken: string;
}

export interface RotateTunnelAccessTokenRequest {
  readonly tunnelId: string;
  readonly clientMode: ClientMode;
  /** Not together with SOURCE. */
  readonly destinationConfig?: DestinationConfig | undefined;
}

/** Holds the tokens of the rotated sides only. */
export interface RotateTunnelAccessTokenResponse {
  readonly tunnelArn?: string | undefined;
  readonly sourceAccessToken?: string | undefined;
  readonly destinationAccessToken?: string | undefined;
}

export interface DescribeTunnelRequest {
  readonly tunnelId: string;
}

export interface DescribeTunnelResponse<Time = Date> {
  readonly tunnel: Tunnel<Time>;
}

export interface ListTunnelsRequest {
  readonly thingName?: string | undefined;
  /** 1 to 100. */
  readonly maxResults?: number | undefined;
  readonly nextToken?: string | undefined;
}

/** Newest first; `nextToken` is absent on the last page. */
export interface ListTunnelsResponse<Time = Date> {
  readonly tunnelSummaries: readonly TunnelSummary<Time>[];
  readonly nextToken?: string | undefined;
}

export interface CloseTunnelRequest {
  readonly tunnelId: string;
  /** Forget the tunnel at once instead of keeping it as CLOSED for some hours. */
  readonly delete?: boolean | undefined;
}

export type CloseTunnelResponse = Record<string, never>;

export interface TagResourceRequest {
  readonly resourceArn: string;
  readonly tags: readonly Tag[];
}

export type TagResourceResponse = Record<string, never>;

export interface UntagResourceRequest {
  readonly resourceArn: string;
  readonly tagKeys: readonly string[];
}

export type UntagResourceResponse = Record<string, never>;

export interface ListTagsForResourceRequest {
  readonly resourceArn: string;
}

export interface ListTagsForResourceResponse {
  readonly tags?: readonly Tag[] | undefined;
}

/** Operation name, as in `X-Amz-Target: IoTSecuredTunneling.<name>`, to its request and answer. */
export interface Operations<Time = Date> {
  readonly OpenTunnel: { readonly request: OpenTunnelRequest; readonly response: OpenTunnelResponse };
  readonly RotateTunnelAccessToken: {
    readonly request: RotateTunnelAccessTokenRequest;
    readonly response: RotateTunnelAccessTokenResponse;
  };
  readonly DescribeTunnel: {
    readonly request: DescribeTunnelRequest;
    readonly response: DescribeTunnelResponse<Time>;
  };
  readonly ListTunnels: {
    readonly request: ListTunnelsRequest;
    readonly response: ListTunnelsResponse<Time>;
  };
  readonly CloseTunnel: { readonly request: CloseTunnelRequest; readonly response: CloseTunnelResponse };
  readonly TagResource: { readonly request: TagResourceRequest; readonly response: TagResourceResponse };
  readonly UntagResource: {
    readonly request: UntagResourceRequest;
    readonly response: UntagResourceResponse;
  };
  readonly ListTagsForResource: {
    readonly request: ListTagsForResourceRequest;
    readonly response: ListTagsForResourceResponse;
  };
}

export type OperationName = keyof Operations;
