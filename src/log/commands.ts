/** What a log asks of its database, and what it is told. Plain data: with SQLite it crosses to the writer thread. */
import type { Blob, Encoded } from './codec.ts';
import type {
  Claimed,
  Committed,
  Known,
  Lease,
  NewRun,
  ReadOptions,
  RemoveQuery,
  RunInfo,
  RunQuery,
  LogStatus,
} from './types.ts';

export type AppendCommand = {
  readonly do: 'append';
  readonly tenant: string;
  readonly runId: string;
  readonly position: number;
  readonly fence: number;
  readonly events: readonly Encoded[];
  readonly create: NewRun | undefined;
  readonly status: LogStatus | undefined;
  /** JSON; 'null' is nothing. */
  readonly waiting: string | undefined;
  readonly snapshot: { readonly at: number; readonly state: Encoded } | undefined;
  readonly consumed: number;
  readonly release: boolean;
  readonly maxRunBytes: number;
};

type OfRun = { readonly tenant: string; readonly runId: string };

/** Goes along with an append, and comes after it. */
export type ReplaceCommand = OfRun & {
  readonly do: 'replace';
  /** The commit brings a snapshot: that one stays. */
  readonly hasSnapshot: boolean;
  readonly events: readonly { readonly position: number; readonly event: Encoded }[];
};
export type PostCommand = OfRun & { readonly do: 'post'; readonly key: string; readonly event: Encoded };
export type ReadCommand = OfRun & { readonly do: 'read'; readonly options: ReadOptions };
export type ClaimCommand = OfRun & { readonly do: 'claim'; readonly worker: string; readonly seen: Lease };
export type BeatCommand = {
  readonly do: 'beat';
  readonly tenant: string;
  readonly worker: string;
  readonly leave: boolean;
};
export type ListCommand = { readonly do: 'list'; readonly tenant: string; readonly query: RunQuery };
export type RemoveCommand = { readonly do: 'remove'; readonly tenant: string; readonly query: RemoveQuery };
/** Which of these runs have more than is known of them, or are gone. */
export type NewsCommand = {
  readonly do: 'news';
  readonly tenant: string;
  readonly known: readonly (Known & { readonly runId: string })[];
};

export type Command =
  | AppendCommand
  | ReplaceCommand
  | PostCommand
  | ReadCommand
  | ClaimCommand
  | BeatCommand
  | ListCommand
  | RemoveCommand
  | NewsCommand;

/** A run as its row says; `waiting` is still JSON. */
export type InfoRow = Omit<RunInfo, 'waiting'> & { readonly waitingText?: string };
export type PostingRow = {
  readonly position: number;
  readonly key: string;
  readonly at: number;
  readonly text: string;
};

export type ReadAnswer = {
  readonly info: InfoRow;
  readonly snapshot?: { readonly at: number; readonly text: string };
  /** Position of the first event that was asked for. */
  readonly from: number;
  readonly events: readonly { readonly position: number; readonly at: number; readonly text: string }[];
  readonly inbox: readonly PostingRow[];
  readonly blobs: readonly Blob[];
};

/** What each command is answered with. */
export type Answers = {
  append: Committed;
  replace: undefined;
  post: {
    readonly isFirst: boolean;
    readonly posting: PostingRow;
    readonly status: LogStatus;
    readonly blobs: readonly Blob[];
  };
  read: ReadAnswer | undefined;
  claim: Claimed;
  beat: number;
  list: { readonly runs: readonly InfoRow[]; readonly isMore: boolean };
  remove: number;
  news: readonly { readonly runId: string; readonly info: InfoRow | undefined }[];
};
export type AnswerOf<C extends Command> = Answers[C['do']];
