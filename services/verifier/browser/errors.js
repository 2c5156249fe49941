// What the caller should do, as in shared/errors.py and shared/credentials/credential.py. The text says got and expected.

/** These bytes are not what they should be: the document is no credential of ours. */
export class Unreadable extends Error {}

/** A picture whose two halves say different things: it is not what the issuer gave out. */
export class Contradicted extends Unreadable {}

/** A whole file in which there is no badge: a photo, a document of another kind. Nothing is broken. */
export class HoldsNothing extends Unreadable {}

/** The proof doesn't fit the document or the key: it is not what the issuer signed. */
export class DoNotTrust extends Error {}

/** The key that the proof names is not in the issuer's DID document. */
export class KeyNotListed extends DoNotTrust {}

/** The source gave no usable answer now. */
export class TryLater extends Error {}

/** The source says that there is nothing. */
export class NotThere extends TryLater {}

/** A statement whose figures contradict each other. */
export class DoesNotAddUp extends Unreadable {}
