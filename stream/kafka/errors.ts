/** No broker of the cluster answered in time. Ends a stage with exit code 4. */
export class BrokerUnreachable extends Error {
  override readonly name = "BrokerUnreachable";
  readonly brokers: string;
  constructor(brokers: string, options?: ErrorOptions) {
    super(
      `no Kafka broker answers at ${brokers}${reasonOf(options?.cause)}; ${remedyFor(options?.cause)}`,
      options,
    );
    this.brokers = brokers;
  }
}

function reasonOf(cause: unknown): string {
  const { message } = (cause ?? {}) as { readonly message?: unknown };
  return typeof message === "string" && message !== "" ? ` (${message})` : "";
}

/** A broker that is there and refuses us says so of the login or of its certificate: both clients' words are known. */
function remedyFor(cause: unknown): string {
  const reason = reasonOf(cause);
  if (/authenticat|sasl/i.test(reason))
    return "check KAFKA_SASL_MECHANISM, KAFKA_USERNAME and KAFKA_PASSWORD";
  if (/ssl|tls|certificate/i.test(reason)) return "check KAFKA_TLS and KAFKA_TLS_CA";
  return "check KAFKA_BROKERS and that the cluster is up";
}

/** A topic stands there with other settings than Sluice needs; the message ends with the command that mends it. */
export class TopicMisconfigured extends Error {
  override readonly name = "TopicMisconfigured";
  readonly topic: string;
  constructor(topic: string, reason: string, remedy: string) {
    super(`topic ${topic} ${reason}; mend it: ${remedy}`);
    this.topic = topic;
  }
}

/** A newer owner of the same transactional id took over: this process must stop working and leave. */
export class Fenced extends Error {
  override readonly name = "Fenced";
  readonly transactionalId: string;
  constructor(transactionalId: string, options?: ErrorOptions) {
    super(`a newer copy took over as ${transactionalId}`, options);
    this.transactionalId = transactionalId;
  }
}

/** The wanted offset is not in the topic (any more): retention took it, or somebody made the topic anew. */
export class OffsetOutOfRange extends Error {
  override readonly name = "OffsetOutOfRange";
  readonly topic: string;
  readonly offset: number;
  constructor(topic: string, offset: number, options?: ErrorOptions) {
    super(
      `topic ${topic} does not hold offset ${offset} any more; restore the topic, or start with a new topicPrefix, database and SLUICE_HOME`,
      options,
    );
    this.topic = topic;
    this.offset = offset;
  }
}

/** A topic is empty although its stage has written to it: somebody deleted it, or made it anew. Nothing was written. */
export class TopicEmptied extends Error {
  override readonly name = "TopicEmptied";
  readonly topic: string;
  constructor(topic: string) {
    super(
      `topic ${topic} is empty, but its stage has written to it: the topic was deleted or made anew; restore it, ` +
        "or start with a new topicPrefix, database and SLUICE_HOME",
    );
    this.topic = topic;
  }
}

/** A group's committed offset is not where its stage left it: somebody moved it, or what it pointed to is gone. Nothing was written. */
export class OffsetMoved extends Error {
  override readonly name = "OffsetMoved";
  readonly group: string;
  readonly topic: string;
  readonly offset: number;
  constructor(
    place: { readonly group: string; readonly topic: string; readonly offset: number },
    remedy: string,
    options?: ErrorOptions,
  ) {
    const { group, topic, offset } = place;
    super(
      `group ${group} stands at offset ${offset} of ${topic}, but its stage needs records before that: the offset was moved; ${remedy}`,
      options,
    );
    this.group = group;
    this.topic = topic;
    this.offset = offset;
  }
}

/** No stage has made the topic yet, or somebody deleted it. */
export class TopicMissing extends Error {
  override readonly name = "TopicMissing";
  readonly topic: string;
  constructor(topic: string, options?: ErrorOptions) {
    super(`topic ${topic} is not there; the stage that writes it makes it at its start`, options);
    this.topic = topic;
  }
}
