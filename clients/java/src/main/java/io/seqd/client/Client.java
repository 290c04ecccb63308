package io.seqd.client;

import io.nats.client.Connection;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;

/**
 * Asks for ids over one NATS connection. It is safe for concurrent use; make one for a connection
 * and keep it.
 *
 * <p>Each call has two forms. The plain one blocks its thread until the ids are there, the call's
 * timeout passes (2 s unless {@link Options#withTimeout} says otherwise) or the thread is
 * interrupted. The {@code Async} one returns a future at once; cancelling it ends the call. Futures
 * complete on the thread that receives the answers: a stage that blocks, above all one that calls
 * the plain form, belongs on another thread, as with {@code thenApplyAsync}.
 *
 * <p>A store is a name of 1 to 64 of the characters A-Za-z0-9_-. A key is any text that is not
 * empty: it is escaped for the wire, where it may have 200 bytes and 15 tokens joined by dots.
 *
 * <p>Calls fail with a {@link SeqdException}, futures with one as their cause. Arguments that are
 * wrong are a {@link SeqdException.BadRequest} before anything is sent, thrown at once by both
 * forms.
 */
public final class Client implements AutoCloseable {
  private final Connection nc;
  private final Options options;
  private final Clock.Machine clock = new Clock.Machine();
  private final Inbox inbox;
  private final AtomicLong lastNonce = new AtomicLong(ThreadLocalRandom.current().nextLong());

  /**
   * Makes a client with the default options. It sends nothing.
   *
   * @param nc the connection to ask over, which stays the caller's; see {@link #connectOptions}
   */
  public Client(Connection nc) {
    this(nc, Options.defaults());
  }

  /**
   * Makes a client. It sends nothing.
   *
   * @param nc the connection to ask over, which stays the caller's; see {@link #connectOptions}
   * @param options hold for all calls that name none; an idempotency key is for one call only
   */
  public Client(Connection nc, Options options) {
    this.nc = Objects.requireNonNull(nc, "the connection is null; connect with Nats.connect first");
    this.options = Objects.requireNonNull(options, "options").shared();
    this.inbox = new Inbox(nc, clock);
  }

  /**
   * Returns settings that the connection of a program which runs for long should have. jnats's own
   * give up after 60 tries to reconnect, take four minutes or more to notice a server that fell
   * silent, and keep requests in a buffer while disconnected. Such requests would go out after
   * their callers gave up, and spend ids for nobody. Add your own settings (name, credentials,
   * TLS): the later one wins.
   *
   * @param url of the NATS server, such as {@code nats://127.0.0.1:4222}
   * @return options to build and to connect with
   */
  public static io.nats.client.Options.Builder connectOptions(String url) {
    return io.nats.client.Options.builder()
        .server(url)
        .maxReconnects(-1)
        .reconnectBufferSize(0)
        .pingInterval(Duration.ofSeconds(5))
        .maxPingsOut(2);
  }

  /**
   * Returns the options of calls that name none.
   *
   * @return what to start from for one call's own
   */
  public Options options() {
    return options;
  }

  /**
   * Returns the next id of a key.
   *
   * @param store the store's name
   * @param key any text
   * @return the id
   * @throws InterruptedException if the thread is interrupted; ids may have been spent
   */
  public long next(String store, String key) throws InterruptedException {
    return next(store, key, options);
  }

  /**
   * Returns the next id of a key.
   *
   * @param store the store's name
   * @param key any text
   * @param options hold for this call
   * @return the id
   * @throws InterruptedException if the thread is interrupted; ids may have been spent
   */
  public long next(String store, String key, Options options) throws InterruptedException {
    return await(nextAsync(store, key, options));
  }

  /**
   * Returns the next n ids of a key, a range without holes. A store serves at most its max_count at
   * once, 100 000 unless configured.
   *
   * @param store the store's name
   * @param key any text
   * @param n how many, at least 1
   * @return the ids
   * @throws InterruptedException if the thread is interrupted; ids may have been spent
   */
  public IdRange nextN(String store, String key, long n) throws InterruptedException {
    return nextN(store, key, n, options);
  }

  /**
   * Returns the next n ids of a key, a range without holes. A store serves at most its max_count at
   * once, 100 000 unless configured.
   *
   * @param store the store's name
   * @param key any text
   * @param n how many, at least 1
   * @param options hold for this call
   * @return the ids
   * @throws InterruptedException if the thread is interrupted; ids may have been spent
   */
  public IdRange nextN(String store, String key, long n, Options options)
      throws InterruptedException {
    return await(nextNAsync(store, key, n, options));
  }

  /**
   * Asks for the next id of a key.
   *
   * @param store the store's name
   * @param key any text
   * @return the id to be
   */
  public CompletableFuture<Long> nextAsync(String store, String key) {
    return nextAsync(store, key, options);
  }

  /**
   * Asks for the next id of a key.
   *
   * @param store the store's name
   * @param key any text
   * @param options hold for this call
   * @return the id to be
   */
  public CompletableFuture<Long> nextAsync(String store, String key, Options options) {
    return ask(store, key, 1, options, IdRange::start);
  }

  /**
   * Asks for the next n ids of a key, a range without holes.
   *
   * @param store the store's name
   * @param key any text
   * @param n how many, at least 1
   * @return the ids to be
   */
  public CompletableFuture<IdRange> nextNAsync(String store, String key, long n) {
    return nextNAsync(store, key, n, options);
  }

  /**
   * Asks for the next n ids of a key, a range without holes.
   *
   * @param store the store's name
   * @param key any text
   * @param n how many, at least 1
   * @param options hold for this call
   * @return the ids to be
   */
  public CompletableFuture<IdRange> nextNAsync(String store, String key, long n, Options options) {
    return ask(store, key, n, options, Function.identity());
  }

  /**
   * Returns the next n ids of a key, 1 to 1000, with their numbers for people. It is {@link
   * #nextN}, and says more: the period, the numbers as the store's configuration writes them, and
   * whether the answer is a repeat. A key that has no numbers brings none, and is no error.
   *
   * @param store the store's name
   * @param key any text
   * @param n how many, 1 to 1000
   * @return the ids and their numbers
   * @throws InterruptedException if the thread is interrupted; ids may have been spent
   */
  public Numbers numbers(String store, String key, long n) throws InterruptedException {
    return numbers(store, key, n, options);
  }

  /**
   * Returns the next n ids of a key, 1 to 1000, with their numbers for people.
   *
   * @param store the store's name
   * @param key any text
   * @param n how many, 1 to 1000
   * @param options hold for this call
   * @return the ids and their numbers
   * @throws InterruptedException if the thread is interrupted; ids may have been spent
   */
  public Numbers numbers(String store, String key, long n, Options options)
      throws InterruptedException {
    return await(numbersAsync(store, key, n, options));
  }

  /**
   * Asks for the next n ids of a key, 1 to 1000, with their numbers for people.
   *
   * @param store the store's name
   * @param key any text
   * @param n how many, 1 to 1000
   * @return the ids and their numbers to be
   */
  public CompletableFuture<Numbers> numbersAsync(String store, String key, long n) {
    return numbersAsync(store, key, n, options);
  }

  /**
   * Asks for the next n ids of a key, 1 to 1000, with their numbers for people.
   *
   * @param store the store's name
   * @param key any text
   * @param n how many, 1 to 1000
   * @param options hold for this call
   * @return the ids and their numbers to be
   */
  public CompletableFuture<Numbers> numbersAsync(
      String store, String key, long n, Options options) {
    Target target = target(store, key, options);
    target.checkN(n, Wire.MAX_NUMBERS);
    var future = new CompletableFuture<Numbers>();
    begin(target.numbers(), n, options, Caller.ofNumbers(future, target::explain));
    return future;
  }

  /**
   * Returns a handle on a key, for callers that ask for its ids concurrently or often. It sends
   * nothing.
   *
   * @param store the store's name
   * @param key any text
   * @return the handle
   */
  public Sequence sequence(String store, String key) {
    return sequence(store, key, options);
  }

  /**
   * Returns a handle on a key, for callers that ask for its ids concurrently or often. It sends
   * nothing.
   *
   * @param store the store's name
   * @param key any text
   * @param options hold for all calls of the handle
   * @return the handle
   */
  public Sequence sequence(String store, String key, Options options) {
    return sequence(store, key, options, 0);
  }

  /**
   * Returns a handle on a key that keeps up to prefetch ids in stock, which it fetches ahead of the
   * calls. A call then takes an id from memory, with an atomic add. Only weak ids may be in stock:
   * where options name no mode, the handle asks for {@link Mode#WEAK}.
   *
   * <p>What is in stock when the program ends is a gap. The stock starts with one id and grows with
   * the calls until it lasts for one to two seconds, which bridges the restart of a worker. It
   * never holds more than 200 000 ids.
   *
   * @param store the store's name
   * @param key any text
   * @param options hold for all calls of the handle
   * @param prefetch 0: no stock; else 2 or more
   * @return the handle
   */
  public Sequence sequence(String store, String key, Options options, int prefetch) {
    if (prefetch > 0 && options.mode() == Mode.DEFAULT) {
      options = options.withMode(Mode.WEAK);
    }
    Target target = target(store, key, options.shared());
    if (prefetch < 0 || prefetch == 1) {
      throw target.badRequest("prefetch must be 0 or at least 2, not " + prefetch);
    }
    if (prefetch > 0 && options.mode() == Mode.STRONG) {
      throw target.badRequest(
          "prefetch is for WEAK: ids fetched ahead would break the order STRONG promises");
    }
    return new Sequence(target, options, prefetch, clock);
  }

  /**
   * Ends the client: calls that wait fail with {@link SeqdException.Closed}, and so do later ones.
   * The connection stays open. A client whose connection ends need not be closed: it holds nothing
   * but a subscription.
   */
  @Override
  public void close() {
    inbox.close();
    clock.close();
  }

  private <T> CompletableFuture<T> ask(
      String store, String key, long n, Options options, Function<IdRange, T> result) {
    Target target = target(store, key, options);
    target.checkN(n);
    var future = new CompletableFuture<T>();
    begin(target, n, options, Caller.of(future, result, target::explain));
    return future;
  }

  private void begin(Source source, long n, Options options, Caller caller) {
    long deadline = clock.nanoTime() + options.timeoutNanos();
    new Retry(options, clock, source, n, deadline, caller).attempt();
  }

  private Target target(String store, String key, Options options) {
    return new Target(nc, inbox, lastNonce, options, store, key);
  }

  /** Waits for a future that nobody else has. */
  static <T> T await(CompletableFuture<T> future) throws InterruptedException {
    try {
      return future.get();
    } catch (InterruptedException e) {
      future.cancel(true);
      throw e;
    } catch (ExecutionException e) {
      if (e.getCause() instanceof SeqdException own) {
        own.fillInStackTrace(); // it was made on a thread that tells nothing
        throw own;
      }
      throw new IllegalStateException(e.getCause());
    }
  }
}
