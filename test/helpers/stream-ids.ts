/** The first stream id that a source of ours may draw; its multiples are some more (P21). */
export const FIRST_STREAM_ID = 1_048_582;
