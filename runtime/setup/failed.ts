/** A step of the setup can't be done here; the message says what to do. */
export class SetupFailed extends Error {
  override readonly name = "SetupFailed";
}
