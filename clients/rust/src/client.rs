use std::fmt;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_nats::connection::State;
use futures_util::Sink;

use crate::code::Code;
use crate::error::Outcome;
use crate::inbox::Inbox;
use crate::options::{SequenceOptions, Settings};
use crate::retry::random_u64;
use crate::target::{bad_request, Target};
use crate::{Error, IdRange, Numbers, Options, Sequence};

/// Asks for ids over one NATS connection, which stays the caller's. A clone is
/// cheap and shares everything; nothing must be closed.
///
/// Calls need a tokio runtime with time enabled, as async-nats does. A call that
/// is dropped is over at once: an id it would have got is a gap.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    settings: Settings,
}

pub(crate) struct Shared {
    nats: async_nats::Client,
    pub(crate) inbox: Inbox,
    nonce: AtomicU64, // of the last request; starts at random
}

impl Client {
    /// A client that asks over `nats`, with default [`Options`]. See
    /// [`connect_options`] for settings the connection should have. It sends
    /// nothing.
    #[must_use]
    pub fn new(nats: async_nats::Client) -> Client {
        let inbox = Inbox::new(nats.clone());
        let shared = Shared {
            nats,
            inbox,
            nonce: AtomicU64::new(random_u64()),
        };
        Client {
            shared: Arc::new(shared),
            settings: Settings::default(),
        }
    }

    /// [`Client::new`] with options for all calls that name no others.
    ///
    /// # Errors
    /// [`Error::BadRequest`] that names the option.
    pub fn with_options(nats: async_nats::Client, options: &Options) -> Result<Client, Error> {
        let client = Client::new(nats);
        let settings = client.settings.with(options);
        let settings = settings.map_err(|text| bad_request("", "", text))?;
        if settings.idempotency_key.is_some() {
            let text = "an idempotency key is for one call, not for a client, whose calls would all get the same ids";
            return Err(bad_request("", "", text));
        }
        Ok(Client { settings, ..client })
    }

    /// The next id of `key` in `store`. It is [`Client::next_n`] for one id.
    ///
    /// # Errors
    /// As for [`Client::next_n`].
    pub async fn next(&self, store: &str, key: &str) -> Result<i64, Error> {
        self.next_with(store, key, &Options::default()).await
    }

    /// [`Client::next`] with options for this call.
    ///
    /// # Errors
    /// As for [`Client::next_n`].
    pub async fn next_with(&self, store: &str, key: &str, options: &Options) -> Result<i64, Error> {
        self.next_n_with(store, key, 1, options)
            .await
            .map(|ids| ids.start)
    }

    /// The next `n` ids of `key` in `store`, a range without holes. A store
    /// serves at most its `max_count` at once, 100 000 unless configured.
    ///
    /// `store` is a name of 1 to 64 of the characters `A-Za-z0-9_-`. `key` is any
    /// text that is not empty: it is escaped for the wire, where it may have 200
    /// bytes. Waits until the ids are there or [`Options::timeout`] has passed.
    ///
    /// # Errors
    /// See [`Error`]. After [`Error::ids_may_be_spent`] there may be a gap.
    pub async fn next_n(&self, store: &str, key: &str, n: u32) -> Result<IdRange, Error> {
        self.next_n_with(store, key, n, &Options::default()).await
    }

    /// [`Client::next_n`] with options for this call.
    ///
    /// # Errors
    /// As for [`Client::next_n`].
    pub async fn next_n_with(
        &self,
        store: &str,
        key: &str,
        n: u32,
        options: &Options,
    ) -> Result<IdRange, Error> {
        self.target(store, key, options)?.next(n).await
    }

    /// The next `n` ids of `key` in `store`, 1 to 1000, with their numbers for people.
    /// Those are as the configuration of the store or the key says. Of a key without
    /// numbers it returns the ids, and the rest is empty.
    ///
    /// # Errors
    /// As for [`Client::next_n`].
    pub async fn numbers(&self, store: &str, key: &str, n: u32) -> Result<Numbers, Error> {
        self.numbers_with(store, key, n, &Options::default()).await
    }

    /// [`Client::numbers`] with options for this call.
    ///
    /// # Errors
    /// As for [`Client::next_n`].
    pub async fn numbers_with(
        &self,
        store: &str,
        key: &str,
        n: u32,
        options: &Options,
    ) -> Result<Numbers, Error> {
        self.target(store, key, options)?.numbers(n).await
    }

    /// A handle on `key` in `store`, for tasks that ask for its ids concurrently
    /// or often. It sends nothing.
    ///
    /// # Errors
    /// [`Error::BadRequest`] that says which argument is wrong.
    pub fn sequence(&self, store: &str, key: &str) -> Result<Sequence, Error> {
        self.sequence_with(store, key, Options::default())
    }

    /// [`Client::sequence`] with options for all its calls: [`Options`], or those
    /// of [`Options::prefetch`].
    ///
    /// # Errors
    /// [`Error::BadRequest`] that says which argument or option is wrong.
    pub fn sequence_with(
        &self,
        store: &str,
        key: &str,
        options: impl Into<SequenceOptions>,
    ) -> Result<Sequence, Error> {
        let options = options.into();
        Sequence::new(self.target(store, key, &options.options)?, options.prefetch)
    }

    fn target(&self, store: &str, key: &str, options: &Options) -> Result<Target, Error> {
        let settings = self.settings.with(options);
        let settings = settings.map_err(|text| bad_request(store, key, text))?;
        Target::new(&self.shared, settings, store, key)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Client").field(&self.settings).finish()
    }
}

impl Shared {
    pub(crate) fn next_nonce(&self) -> u64 {
        self.nonce.fetch_add(1, Ordering::Relaxed)
    }

    /// Refuses to send while there is no connection: what is sent then waits in
    /// a buffer, and burns ids for callers that have long given up.
    pub(crate) fn check_connected(&self) -> Result<(), Outcome> {
        if self.nats.connection_state() == State::Connected {
            return Ok(());
        }
        // The state does not tell a connection that comes back from one that
        // does not; the way to its task does, which ends with the latter.
        let nats = pin!(self.nats.clone());
        match nats.poll_ready(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Err(cause)) => Err(connection_closed().because(cause)),
            _ => Err(Outcome::new(Code::NotConnected, "not connected to NATS")),
        }
    }
}

pub(crate) fn connection_closed() -> Outcome {
    Outcome::unsent(Code::Closed, "the connection to NATS is closed")
}

/// Settings for a NATS connection that a program which runs for long should
/// have. Append your own (name, credentials, TLS).
///
/// async-nats reconnects for ever by itself, but takes two minutes or more to
/// notice a server that fell silent, and after a long outage waits up to four
/// seconds, which is more than a call's time, before it tries again.
///
/// - ping every 5 s: give up a silent server after 15 s.
/// - reconnect at once, then after 10 ms, doubling up to 1 s, plus up to half of
///   it at random, so that clients do not come back together.
#[must_use]
pub fn connect_options() -> async_nats::ConnectOptions {
    async_nats::ConnectOptions::new()
        .ping_interval(Duration::from_secs(5))
        .reconnect_delay_callback(reconnect_delay)
}

fn reconnect_delay(attempts: usize) -> Duration {
    if attempts <= 1 {
        return Duration::ZERO;
    }
    let doublings = (attempts - 2).min(7) as u32;
    let delay = Duration::from_millis(10 << doublings).min(Duration::from_secs(1));
    delay + delay.mul_f64(random_u64() as f64 / u64::MAX as f64 / 2.0)
}
