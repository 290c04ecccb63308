use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::code::Code;

/// Why a call got no ids.
///
/// The variant says what the last attempt came to that was not cut short by the
/// end of the call's time. [`Failure::timed_out`] says whether the call ended
/// because its time was up. Every variant holds a [`Failure`].
///
/// ```
/// # fn show(err: seqd_client::Error) -> String {
/// use seqd_client::Error;
/// match err {
///     Error::Busy(f) => format!("come back in {:?}", f.retry_after),
///     Error::NoWorkers(f) => format!("nobody serves {}", f.store),
///     other => other.to_string(),
/// }
/// # }
/// ```
/// As text it says which store and key were asked, what went wrong and, where that
/// helps, what to try. Its [`source`](std::error::Error::source) is the error of
/// async-nats, where there was one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Error {
    /// An argument is malformed or not allowed for this store. Arguments that
    /// can be seen to be wrong come back so before anything is sent.
    BadRequest(Box<Failure>),
    /// etcd's history went backwards; an operator must act.
    Fenced(Box<Failure>),
    /// The worker's queue was full.
    Busy(Box<Failure>),
    /// A fault in seqd, or an answer that makes no sense.
    Internal(Box<Failure>),
    /// The worker could not reach etcd, or etcd refused to write.
    Unavailable(Box<Failure>),
    /// The request was older than the attempt's timeout when a worker got to it.
    Expired(Box<Failure>),
    /// The key has no ids left.
    Exhausted(Box<Failure>),
    /// A code that this version does not know; see [`Failure::code`].
    Other(Box<Failure>),
    /// No worker that serves the store listens. The attempt reached nobody.
    NoWorkers(Box<Failure>),
    /// Nobody answered in time.
    Timeout(Box<Failure>),
    /// The connection to NATS was down all the time: nothing was sent that could
    /// have spent ids.
    NotConnected(Box<Failure>),
    /// The connection to NATS, or the [`Sequence`](crate::Sequence), is closed for
    /// good.
    Closed(Box<Failure>),
}

/// How a call ended without ids.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Failure {
    /// The code: the variant's name as the contract writes it (`NO_WORKERS`), or
    /// one of a later version.
    pub code: String,
    /// What the worker, or this crate, says about it. For people.
    pub text: String,
    /// How long the worker asked to wait before another attempt.
    pub retry_after: Option<Duration>,
    /// The store asked.
    pub store: String,
    /// The key as the caller wrote it.
    pub key: String,
    /// Attempts made; 0 if nothing was sent.
    pub attempts: u32,
    /// How long they took.
    pub took: Duration,
    /// The call's time ran out, or would have before the next attempt.
    pub timed_out: bool,
    /// A request may have been served although the call failed. Its ids are then a
    /// gap. Nobody gets them, except for another call with the same
    /// [idempotency key](crate::Options::idempotency_key).
    pub ids_may_be_spent: bool,
    /// The call had an idempotency key.
    pub(crate) idempotent: bool,
    /// What the next attempt should have waited, where that ended the call.
    pub(crate) wait: Option<Duration>,
    /// What to try, or empty.
    pub(crate) hint: String,
    /// What async-nats said, where it refused.
    pub(crate) cause: Option<Cause>,
}

impl Error {
    /// What all variants hold.
    #[must_use]
    pub fn failure(&self) -> &Failure {
        match self {
            Self::BadRequest(f) | Self::Fenced(f) | Self::Busy(f) | Self::Internal(f) => f,
            Self::Unavailable(f) | Self::Expired(f) | Self::Exhausted(f) | Self::Other(f) => f,
            Self::NoWorkers(f) | Self::Timeout(f) | Self::NotConnected(f) | Self::Closed(f) => f,
        }
    }

    /// The code; see [`Failure::code`].
    #[must_use]
    pub fn code(&self) -> &str {
        &self.failure().code
    }

    /// See [`Failure::ids_may_be_spent`].
    #[must_use]
    pub fn ids_may_be_spent(&self) -> bool {
        self.failure().ids_may_be_spent
    }

    pub(crate) fn new((code, f): (Code, Failure)) -> Error {
        let f = Box::new(f);
        match code {
            Code::BadRequest => Self::BadRequest(f),
            Code::Fenced => Self::Fenced(f),
            Code::Busy => Self::Busy(f),
            Code::Internal => Self::Internal(f),
            Code::Unavailable => Self::Unavailable(f),
            Code::Expired => Self::Expired(f),
            Code::Exhausted => Self::Exhausted(f),
            Code::Other(_) => Self::Other(f),
            Code::NoWorkers => Self::NoWorkers(f),
            Code::Timeout | Code::Stranger | Code::Lost => Self::Timeout(f),
            Code::NotConnected => Self::NotConnected(f),
            Code::Closed => Self::Closed(f),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "seqd: next: {}", self.failure())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let cause = self.failure().cause.as_ref()?;
        Some(cause.0.as_ref())
    }
}

/// An error of a library, shared by all calls that failed because of it.
#[derive(Clone, Debug)]
pub(crate) struct Cause(Arc<dyn std::error::Error + Send + Sync>);

impl PartialEq for Cause {
    fn eq(&self, other: &Cause) -> bool {
        self.0.to_string() == other.0.to_string()
    }
}

impl Eq for Cause {}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key: String = self.key.chars().take(80).collect();
        write!(
            out,
            "store {:?} key {key:?}: {}: {}",
            self.store, self.code, self.text
        )?;
        if self.timed_out {
            write!(
                out,
                ": gave up after {:.0?} (attempts: {}",
                self.took, self.attempts
            )?;
            if let Some(wait) = self.wait {
                write!(out, ", the next one due in {wait:.0?}")?;
            }
            out.write_str(")")?;
        }
        if self.ids_may_be_spent {
            out.write_str(match self.idempotent {
                false => "; ids may have been spent, which leaves a gap",
                true => "; ids may have been spent, and a call with the same idempotency key gets them",
            })?;
        }
        if !self.hint.is_empty() {
            write!(out, "; {}", self.hint)?;
        }
        Ok(())
    }
}

/// What an attempt came to that brought no ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) code: Code,
    pub(crate) text: String,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) ids_may_be_spent: bool,
    pub(crate) cause: Option<Cause>,
}

impl Outcome {
    pub(crate) fn new(code: Code, text: impl Into<String>) -> Outcome {
        Outcome {
            ids_may_be_spent: code.ids_may_be_spent(),
            code,
            text: text.into(),
            retry_after: None,
            cause: None,
        }
    }

    /// The outcome with the error of a library that it comes from.
    pub(crate) fn because(self, cause: impl std::error::Error + Send + Sync + 'static) -> Outcome {
        Outcome {
            cause: Some(Cause(Arc::new(cause))),
            ..self
        }
    }

    /// The outcome of an attempt that sent nothing.
    pub(crate) fn unsent(code: Code, text: impl Into<String>) -> Outcome {
        Outcome {
            ids_may_be_spent: false,
            ..Outcome::new(code, text)
        }
    }
}
