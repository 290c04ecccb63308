use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::client::Shared;
use crate::code::Code;
use crate::error::{Failure, Outcome};
use crate::options::Settings;
use crate::retry::{after, retry, Ended};
use crate::wire::request::{Nonce, Request};
use crate::wire::subject::{check_token, escape, subject};
use crate::{Error, IdRange, Numbers};

/// Numbers that a worker writes at once.
const MAX_NUMBERS: u32 = 1000;

/// One key of one store as a client asks for it: names checked, subject built.
/// It is never changed.
pub(crate) struct Target {
    pub(crate) client: Arc<Shared>,
    pub(crate) settings: Settings,
    store: String,
    key: String, // as the caller wrote it
    subject: String,
}

impl Target {
    pub(crate) fn new(
        client: &Arc<Shared>,
        settings: Settings,
        store: &str,
        key: &str,
    ) -> Result<Target, Error> {
        let subject = check_token("store", store)
            .and_then(|()| escape(key))
            .map(|escaped| subject(&settings.root, store, &escaped))
            .map_err(|text| bad_request(store, key, text))?;
        Ok(Target {
            client: Arc::clone(client),
            settings,
            store: store.to_owned(),
            key: key.to_owned(),
            subject,
        })
    }

    /// Asks for `n` ids until it has them or asking again can't help.
    pub(crate) async fn next(&self, n: u32) -> Result<IdRange, Error> {
        self.check_n(n, u32::MAX)?;
        let deadline = after(self.settings.timeout);
        let asked = retry(&self.settings, deadline, |attempt| async move {
            self.ask(n, attempt).await.map(|answer| answer.ids)
        });
        asked.await.map_err(|ended| self.explain(ended))
    }

    /// As next, with what comes with the ids.
    pub(crate) async fn numbers(&self, n: u32) -> Result<Numbers, Error> {
        self.check_n(n, MAX_NUMBERS)?;
        let deadline = after(self.settings.timeout);
        let asked = retry(&self.settings, deadline, |attempt| async move {
            check_numbers(self.ask(n, attempt).await?)
        });
        asked.await.map_err(|ended| self.explain(ended))
    }

    /// Sends one request and waits for its answer until `deadline`.
    pub(crate) async fn ask(&self, n: u32, deadline: Instant) -> Result<Numbers, Outcome> {
        self.client.check_connected()?;
        let request = Request {
            n,
            mode: self.settings.mode,
            nonce: Some(Nonce::int(self.client.next_nonce())),
            idempotency_key: self.settings.idempotency_key.as_deref(),
        };
        self.client.inbox.request(&self.subject, request, deadline).await
    }

    pub(crate) fn check_n(&self, n: u32, most: u32) -> Result<(), Error> {
        if n == 0 || n > most {
            return Err(self.bad_request(format!("n must be between 1 and {most}, not {n}")));
        }
        Ok(())
    }

    pub(crate) fn bad_request(&self, text: impl Into<String>) -> Error {
        bad_request(&self.store, &self.key, text)
    }

    /// The error of a call to a sequence that is closed, or whose task was
    /// dropped with its runtime.
    pub(crate) fn closed(&self, outcome: Outcome) -> Error {
        Error::new(failure(&self.store, &self.key, outcome))
    }

    /// Says for which key a call failed and, in a hint, what to try.
    pub(crate) fn explain(&self, ended: Ended) -> Error {
        let (code, f) = failure(&self.store, &self.key, ended.last);
        let f = Failure {
            attempts: ended.attempts,
            took: ended.took,
            timed_out: ended.timed_out,
            ids_may_be_spent: ended.ids_may_be_spent,
            idempotent: self.settings.idempotency_key.is_some(),
            wait: ended.wait,
            hint: self.hint(&code),
            ..f
        };
        Error::new((code, f))
    }

    fn hint(&self, code: &Code) -> String {
        match code {
            Code::NoWorkers => format!(
                "workers that can't serve leave the queue group, and seqd doctor says why; where there is none, \
                start a worker that serves this store, under the root {:?} in this NATS account",
                self.settings.root
            ),
            Code::NotConnected | Code::Lost => "check that the NATS server runs and can be reached".to_owned(),
            Code::Closed => "connect again".to_owned(),
            Code::Stranger => {
                format!("check that no stream and no other service listens on {:?}", self.subject)
            }
            Code::Timeout => "check the workers, for example with: nats micro stats seqd; \
                and that this user may publish there and subscribe to its inbox"
                .to_owned(),
            _ => String::new(),
        }
    }
}

/// Who gets two numbers for three ids would write one of them twice, or none.
fn check_numbers(answer: Numbers) -> Result<Numbers, Outcome> {
    let (n, numbers) = (answer.ids.len, answer.numbers.len());
    if numbers == 0 || numbers == n as usize {
        return Ok(answer);
    }
    let text = format!("the worker answered a request for {n} ids with {numbers} numbers");
    Err(Outcome::new(Code::Internal, text))
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Target")
            .field(&self.store)
            .field(&self.key)
            .field(&self.settings)
            .finish()
    }
}

pub(crate) fn bad_request(store: &str, key: &str, text: impl Into<String>) -> Error {
    Error::new(failure(store, key, Outcome::new(Code::BadRequest, text)))
}

fn failure(store: &str, key: &str, outcome: Outcome) -> (Code, Failure) {
    let f = Failure {
        code: outcome.code.name().to_owned(),
        text: outcome.text,
        retry_after: outcome.retry_after,
        store: store.to_owned(),
        key: key.to_owned(),
        attempts: 0,
        took: Duration::ZERO,
        timed_out: false,
        ids_may_be_spent: outcome.ids_may_be_spent,
        idempotent: false,
        wait: None,
        hint: String::new(),
        cause: outcome.cause,
    };
    (outcome.code, f)
}
