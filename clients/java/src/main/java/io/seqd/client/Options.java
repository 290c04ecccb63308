package io.seqd.client;

import java.time.Duration;

/**
 * How calls are made. Options are never changed: each {@code with…} returns others. Options that
 * are given to a {@link Client} hold for all its calls. Options that are given to a call or a
 * sequence hold for it in place of the client's; start from {@link Client#options()} to change a
 * few.
 *
 * <p>A value that makes no sense is a {@link SeqdException.BadRequest} that names it.
 */
public final class Options {
  private static final Options DEFAULTS =
      new Options(
          "seq",
          Mode.DEFAULT,
          Duration.ofSeconds(2).toNanos(),
          Duration.ofMillis(500).toNanos(),
          Long.MAX_VALUE,
          null);

  private final String root;
  private final Mode mode;
  private final long timeoutNanos;
  private final long attemptTimeoutNanos;
  private final long patienceNanos;
  private final String idempotencyKey; // null: none

  private Options(
      String root,
      Mode mode,
      long timeout,
      long attemptTimeout,
      long patience,
      String idempotencyKey) {
    this.root = root;
    this.mode = mode;
    this.timeoutNanos = timeout;
    this.attemptTimeoutNanos = attemptTimeout;
    this.patienceNanos = patience;
    this.idempotencyKey = idempotencyKey;
  }

  /**
   * Returns the options of a client that names none.
   *
   * @return the defaults, as the methods below tell them
   */
  public static Options defaults() {
    return DEFAULTS;
  }

  /**
   * Sets the first token of the subjects, where the workers have been configured with another one.
   * The default is {@code seq}.
   *
   * @param root 1 to 64 of the characters A-Za-z0-9_-
   * @return the options with that root
   */
  public Options withRoot(String root) {
    Keys.checkToken("root", root);
    return new Options(
        root, mode, timeoutNanos, attemptTimeoutNanos, patienceNanos, idempotencyKey);
  }

  /**
   * Sets how ids are to be ordered. The default is {@link Mode#DEFAULT}, each store's own choice.
   *
   * @param mode the mode
   * @return the options with that mode
   */
  public Options withMode(Mode mode) {
    if (mode == null) {
      throw Failure.badRequest("mode must not be null");
    }
    return new Options(
        root, mode, timeoutNanos, attemptTimeoutNanos, patienceNanos, idempotencyKey);
  }

  /**
   * Bounds a call as a whole, all its attempts included. The default is 2 s.
   *
   * @param timeout more than zero
   * @return the options with that timeout
   */
  public Options withTimeout(Duration timeout) {
    return new Options(
        root,
        mode,
        nanos("timeout", timeout, 1),
        attemptTimeoutNanos,
        patienceNanos,
        idempotencyKey);
  }

  /**
   * Bounds one attempt: a request without an answer is sent again after that long, perhaps to
   * another worker. The default is 500 ms. If it is shorter than a worker usually takes to answer,
   * calls spend ids and get none.
   *
   * @param timeout more than zero
   * @return the options with that attempt timeout
   */
  public Options withAttemptTimeout(Duration timeout) {
    return new Options(
        root,
        mode,
        timeoutNanos,
        nanos("attempt timeout", timeout, 1),
        patienceNanos,
        idempotencyKey);
  }

  /**
   * Sets for how long a call goes on asking while NATS answers that no worker listens, before it
   * ends as {@link SeqdException.NoWorkers}. The default is the whole timeout, which sits out a
   * worker's restart; zero does not ask again.
   *
   * @param patience zero or more
   * @return the options with that patience
   */
  public Options withNoRespondersPatience(Duration patience) {
    return new Options(
        root,
        mode,
        timeoutNanos,
        attemptTimeoutNanos,
        nanos("patience with no responders", patience, 0),
        idempotencyKey);
  }

  /**
   * Makes it safe to repeat a call. Every call for the same key of the same store that has the same
   * idempotency key gets the same ids, whichever worker answers. That holds within the store's
   * window, 10 minutes unless configured. A call with it for another n or mode is a {@link
   * SeqdException.BadRequest}. The default is none.
   *
   * <p>All attempts of the call share it. If an answer is lost, the next attempt gets the ids of
   * that answer, so there is no gap. If the call fails and {@link SeqdException#idsMayBeSpent()} is
   * true, a later call with the same idempotency key gets its ids.
   *
   * <p>It is for one call. A client and a sequence refuse it, because all their calls would get the
   * same ids.
   *
   * @param key any text of 1 to 64 bytes in UTF-8
   * @return the options with that idempotency key
   */
  public Options withIdempotencyKey(String key) {
    int size = Wire.idempotencyKey(key).remaining();
    if (size < 1 || size > Wire.MAX_IDEMPOTENCY_KEY_BYTES) {
      throw Failure.badRequest(
          "idempotency key must have 1 to %d bytes, not %d", Wire.MAX_IDEMPOTENCY_KEY_BYTES, size);
    }
    return new Options(root, mode, timeoutNanos, attemptTimeoutNanos, patienceNanos, key);
  }

  /**
   * Returns the options as text, for logs. There is nothing secret in them.
   *
   * @return such as {@code Options[root=seq, mode=weak, timeout=PT2S, attemptTimeout=PT0.5S]}; the
   *     patience and the idempotency key follow where they are set
   */
  @Override
  public String toString() {
    StringBuilder b =
        new StringBuilder("Options[root=").append(root).append(", mode=").append(mode);
    b.append(", timeout=").append(Duration.ofNanos(timeoutNanos));
    b.append(", attemptTimeout=").append(Duration.ofNanos(attemptTimeoutNanos));
    if (patienceNanos != Long.MAX_VALUE) {
      b.append(", noRespondersPatience=").append(Duration.ofNanos(patienceNanos));
    }
    if (idempotencyKey != null) {
      b.append(", idempotencyKey=").append(idempotencyKey);
    }
    return b.append(']').toString();
  }

  /** Returns the idempotency key; null: there is none. */
  String idempotencyKey() {
    return idempotencyKey;
  }

  /** Refuses an idempotency key where there are many calls. */
  Options shared() {
    if (idempotencyKey != null) {
      throw Failure.badRequest("an idempotency key is for one call: give it to the call");
    }
    return this;
  }

  String root() {
    return root;
  }

  Mode mode() {
    return mode;
  }

  long timeoutNanos() {
    return timeoutNanos;
  }

  long attemptTimeoutNanos() {
    return attemptTimeoutNanos;
  }

  long patienceNanos() {
    return patienceNanos;
  }

  /** Returns a time in nanoseconds, cut to a century: sums of them must not wrap. */
  private static long nanos(String what, Duration d, long atLeast) {
    if (d == null || d.isNegative() || atLeast > 0 && d.isZero()) {
      String bound = atLeast > 0 ? "more than 0" : "0 or more";
      throw Failure.badRequest("%s must be %s, not %s", what, bound, d);
    }
    Duration century = Duration.ofDays(36_525);
    return d.compareTo(century) > 0 ? century.toNanos() : d.toNanos();
  }
}
