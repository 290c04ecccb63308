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

/// Settings of a [`Client`](crate::Client), for all its calls. The default is
/// what most programs want.
///
/// ```
/// use std::time::Duration;
/// use seqd_client::{Mode, Options};
/// let patient = Options::default().mode(Mode::Strong).timeout(Duration::from_secs(10));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Options {
    pub(crate) root: String,
    pub(crate) mode: Mode,
    pub(crate) timeout: Duration,
    pub(crate) attempt_timeout: Duration,
    pub(crate) patience: Duration,
    pub(crate) prefetch: u32,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            root: ROOT.to_owned(),
            mode: Mode::Default,
            timeout: Duration::from_secs(2),
            attempt_timeout: Duration::from_millis(500),
            patience: Duration::MAX,
            prefetch: 0,
        }
    }
}

impl Options {
    /// How ids are to be ordered. The default is [`Mode::Default`].
    pub fn mode(mut self, mode: Mode) -> Options {
        self.mode = mode;
        self
    }

    /// Bounds a call as a whole, all its attempts included. The default is 2 s.
    /// To give up earlier, drop the call's future, for example with
    /// `tokio::time::timeout`.
    pub fn timeout(mut self, timeout: Duration) -> Options {
        self.timeout = timeout;
        self
    }

    /// Bounds one attempt: a request without an answer is sent again after that
    /// long, perhaps to another worker. The default is 500 ms. Below a worker's
    /// usual answer time it burns ids and gets none.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Options {
        self.attempt_timeout = timeout;
        self
    }

    /// For how long a call goes on asking while NATS answers that no worker
    /// listens, before it returns [`Error::NoWorkers`](crate::Error::NoWorkers).
    /// The default is the whole timeout, which sits out a worker's restart; zero
    /// does not ask again.
    pub fn no_responders_patience(mut self, patience: Duration) -> Options {
        self.patience = patience;
        self
    }

    /// Lets a [`Sequence`](crate::Sequence) keep up to `n` ids in stock, fetched
    /// ahead of the calls, which then take an id from memory. It matters to
    /// sequences only, and only weak ones may have a stock: a sequence whose mode
    /// is not named asks for [`Mode::Weak`]. The default is 0: no stock. 1 is too
    /// few.
    ///
    /// `n` bounds what becomes a gap when the program ends. How much of it is
    /// used follows the calls: it starts with one id and grows until the stock
    /// lasts for one to two seconds, which bridges the restart of a worker; it is
    /// not above 200 000.
    pub fn prefetch(mut self, n: u32) -> Options {
        self.prefetch = n;
        self
    }

    /// The first token of the subjects, where the workers have been configured
    /// with another one than `seq`.
    pub fn root(mut self, root: impl Into<String>) -> Options {
        self.root = root.into();
        self
    }

    /// The error names the setting.
    pub(crate) fn check(&self) -> Result<(), String> {
        check_token("root", &self.root)?;
        if self.timeout.is_zero() {
            return Err("timeout must be more than 0".to_owned());
        }
        if self.attempt_timeout.is_zero() {
            return Err("attempt timeout must be more than 0".to_owned());
        }
        if self.prefetch == 1 {
            return Err("prefetch must be 0 or at least 2, not 1".to_owned());
        }
        Ok(())
    }
}
