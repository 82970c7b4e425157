/** How to log in to Kafka: SASL and TLS, both optional. `ca` is PEM text of the authority that signed the brokers' certificates. */
export interface KafkaSecurity {
  readonly sasl?: {
    readonly mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512";
    readonly username: string;
    readonly password: string;
  };
  readonly tls?: { readonly ca?: string };
}
