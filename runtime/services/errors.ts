/** An embedded service does not start, or does not stay up. Ends a process with exit code 4. */
export class ServiceFailed extends Error {
  override readonly name = "ServiceFailed";
  readonly service: string;
  readonly reason: string;
  constructor(service: string, reason: string, options?: ErrorOptions) {
    super(`embedded ${service}: ${reason}`, options);
    this.service = service;
    this.reason = reason;
  }
}
