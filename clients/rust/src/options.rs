use std::time::Duration;

use crate::wire::subject::{check_token, ROOT};

/// How ids are to be ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The store's own choice.
    #[default]
    Default,
    /// Unique, increasing in trend; the fastest.
    Weak,
    /// Unique, and greater than every id that anybody got before the call began.
    Strong,
}

/// Options of a [`Client`](crate::Client) or of one of its calls. An option that a
/// call does not name is as the client has it. One that neither names has its
/// default.
///
/// ```
/// use std::time::Duration;
/// use seqd_client::{Mode, Options};
/// let patient = Options::default().mode(Mode::Strong).timeout(Duration::from_secs(10));
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Options {
    root: Option<String>,
    mode: Option<Mode>,
    timeout: Option<Duration>,
    attempt_timeout: Option<Duration>,
    patience: Option<Duration>,
    idempotency_key: Option<String>,
}

impl Options {
    /// How ids are to be ordered. The default is [`Mode::Default`].
    pub fn mode(mut self, mode: Mode) -> Options {
        self.mode = Some(mode);
        self
    }

    /// Bounds a call as a whole, all its attempts included. The default is 2 s.
    /// To give up earlier, drop the call's future, for example with
    /// `tokio::time::timeout`.
    pub fn timeout(mut self, timeout: Duration) -> Options {
        self.timeout = Some(timeout);
        self
    }

    /// Bounds one attempt: a request without an answer is sent again after that
    /// long, perhaps to another worker. The default is 500 ms. If it is shorter than
    /// a worker usually takes to answer, calls spend ids and get none.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Options {
        self.attempt_timeout = Some(timeout);
        self
    }

    /// For how long a call goes on asking while NATS answers that no worker
    /// listens, before it returns [`Error::NoWorkers`](crate::Error::NoWorkers).
    /// The default is the whole timeout, which sits out a worker's restart; zero
    /// does not ask again.
    pub fn no_responders_patience(mut self, patience: Duration) -> Options {
        self.patience = Some(patience);
        self
    }

    /// Makes it safe to repeat a call. Every call for the same key of the same store
    /// that has the same idempotency key gets the same ids, whichever worker answers.
    /// That holds within the store's window, 10 minutes unless configured. A call
    /// with another number of ids or another mode is refused. An idempotency key has
    /// 1 to 64 bytes.
    ///
    /// All attempts of the call share it. If an answer is lost, the next attempt gets
    /// the ids of that answer, so there is no gap. If the call fails and
    /// [`Error::ids_may_be_spent`](crate::Error::ids_may_be_spent) is true, a later
    /// call with the same idempotency key gets its ids.
    ///
    /// It is for one call. A client and a [`Sequence`](crate::Sequence) refuse it,
    /// because all their calls would get the same ids.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Options {
        self.idempotency_key = Some(key.into());
        self
    }

    /// The first token of the subjects, where the workers have been configured
    /// with another one than `seq`.
    pub fn root(mut self, root: impl Into<String>) -> Options {
        self.root = Some(root.into());
        self
    }

    /// Lets a [`Sequence`](crate::Sequence) keep up to `n` ids in stock, which it
    /// fetches ahead of the calls. A call then takes an id from memory. Only weak ids
    /// may have a stock, and a sequence whose mode is not named asks for
    /// [`Mode::Weak`]. The default is 0, which means no stock. The smallest stock
    /// is 2.
    ///
    /// What is in stock when the program ends is a gap. The stock starts with one id
    /// and grows with the calls until it lasts for one to two seconds, which bridges
    /// the restart of a worker. It never holds more than `n` ids, nor more than
    /// 200 000.
    pub fn prefetch(self, n: u32) -> SequenceOptions {
        SequenceOptions {
            options: self,
            prefetch: n,
        }
    }
}

/// Options of a [`Sequence`](crate::Sequence), as [`Options::prefetch`] makes them.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct SequenceOptions {
    pub(crate) options: Options,
    pub(crate) prefetch: u32,
}

impl From<Options> for SequenceOptions {
    fn from(options: Options) -> SequenceOptions {
        options.prefetch(0)
    }
}

/// Bytes of an idempotency key.
const MAX_IDEMPOTENCY_KEY: usize = 64;

/// What holds for a call.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) root: String,
    pub(crate) mode: Mode,
    pub(crate) timeout: Duration,
    pub(crate) attempt_timeout: Duration,
    pub(crate) patience: Duration,
    pub(crate) idempotency_key: Option<String>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            root: ROOT.to_owned(),
            mode: Mode::Default,
            timeout: Duration::from_secs(2),
            attempt_timeout: Duration::from_millis(500),
            patience: Duration::MAX,
            idempotency_key: None,
        }
    }
}

impl Settings {
    /// The settings after `options`. The error names the one that is wrong.
    pub(crate) fn with(&self, options: &Options) -> Result<Settings, String> {
        let root = options.root.as_ref().unwrap_or(&self.root);
        let s = Settings {
            root: root.clone(),
            mode: options.mode.unwrap_or(self.mode),
            timeout: options.timeout.unwrap_or(self.timeout),
            attempt_timeout: options.attempt_timeout.unwrap_or(self.attempt_timeout),
            patience: options.patience.unwrap_or(self.patience),
            idempotency_key: options.idempotency_key.clone(),
        };
        check_token("root", &s.root)?;
        if s.timeout.is_zero() {
            return Err("timeout must be more than 0".to_owned());
        }
        if s.attempt_timeout.is_zero() {
            return Err("attempt timeout must be more than 0".to_owned());
        }
        match s.idempotency_key.as_ref().map_or(1, String::len) {
            1..=MAX_IDEMPOTENCY_KEY => Ok(s),
            len => Err(format!(
                "idempotency key must have 1 to {MAX_IDEMPOTENCY_KEY} bytes, not {len}"
            )),
        }
    }
}
