use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_nats::{HeaderMap, Message, StatusCode, Subscriber};
use futures_util::StreamExt;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{timeout_at, Instant};

use crate::client::connection_closed;
use crate::code::{Code, NO_WORKERS};
use crate::error::Outcome;
use crate::wire::reply::decode;
use crate::wire::request::{encode, Nonce, Request};
use crate::wire::TIMEOUT_HEADER;
use crate::Numbers;

/// A client's own subscription for answers, from its first request on. Where
/// async-nats takes a new reply subject for every request and gives it the first
/// answer, whoever sent it, this uses a few again and again, which the server
/// forwards at half the cost, and lets strangers pass.
///
/// A reply subject is one request's until that has got its answer. A request
/// that gives up takes its subject with it, so that a late answer or "no
/// responders" meets nobody. What comes twice, or from a stranger, lacks the
/// nonce and is dropped.
pub(crate) struct Inbox {
    nats: async_nats::Client,
    open: Mutex<Option<Arc<Open>>>,
    opening: tokio::sync::Mutex<()>, // held by who subscribes
}

struct Open {
    prefix: String, // of the reply subjects
    slots: Arc<Mutex<Slots>>,
    task: JoinHandle<()>, // runs receive
}

#[derive(Default)]
struct Slots {
    last: u64, // number of the newest reply subject
    waiting: HashMap<u64, Waiting>,
    free: Vec<u64>, // the one used last is the first to be used again: it is cached
}

/// A request under way.
struct Waiting {
    n: u32,
    nonce: Option<Nonce>,
    met_stranger: bool,
    answer: oneshot::Sender<Result<Numbers, Outcome>>,
}

impl Inbox {
    pub(crate) fn new(nats: async_nats::Client) -> Inbox {
        Inbox {
            nats,
            open: Mutex::default(),
            opening: tokio::sync::Mutex::default(),
        }
    }

    /// Sends `request` on `subject` and waits for the answer until `deadline`.
    pub(crate) async fn request(
        &self,
        subject: &str,
        request: Request<'_>,
        deadline: Instant,
    ) -> Result<Numbers, Outcome> {
        let open = timeout_at(deadline, self.open())
            .await
            .map_err(|_| Outcome::unsent(Code::Timeout, "no answer"))??;
        let (slot, answer) = Slot::take(&open, &request);

        let patience = deadline.saturating_duration_since(Instant::now()).as_millis();
        let mut headers = HeaderMap::new();
        // 0 would be outlived on arrival.
        headers.insert(TIMEOUT_HEADER, patience.max(1).to_string());
        let reply = format!("{}{}", open.prefix, slot.num);
        let body = encode(&request).into();
        let sent = self
            .nats
            .publish_with_reply_and_headers(subject.to_owned(), reply, headers, body);
        match timeout_at(deadline, sent).await {
            Err(_) => return Err(Outcome::unsent(Code::Timeout, "no answer")),
            // Subject and size are right, so what is left is the connection.
            Ok(Err(cause)) => return Err(connection_closed().because(cause)),
            Ok(Ok(())) => {}
        }
        match timeout_at(deadline, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Outcome::new(Code::Timeout, "the subscription for answers ended")),
            Err(_) if slot.met_stranger() => Err(Outcome::new(
                Code::Stranger,
                "an answer to another request came back",
            )),
            Err(_) => Err(Outcome::new(Code::Timeout, "no answer")),
        }
    }

    /// The open subscription; subscribes if there is none, or if the one there
    /// was ended with the connection or with the runtime it was opened in.
    async fn open(&self) -> Result<Arc<Open>, Outcome> {
        if let Some(open) = self.live() {
            return Ok(open);
        }
        let _opening = self.opening.lock().await;
        if let Some(open) = self.live() {
            return Ok(open);
        }
        let prefix = format!("{}.", self.nats.new_inbox());
        let subscribed = self.nats.subscribe(format!("{prefix}*")).await;
        let answers = subscribed.map_err(|cause| connection_closed().because(cause))?;
        let slots = Arc::default();
        let task = tokio::spawn(receive(answers, prefix.len(), Arc::clone(&slots)));
        let open = Arc::new(Open { prefix, slots, task });
        *lock(&self.open) = Some(Arc::clone(&open));
        Ok(open)
    }

    fn live(&self) -> Option<Arc<Open>> {
        lock(&self.open)
            .as_ref()
            .filter(|open| !open.task.is_finished())
            .cloned()
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Passes answers on to the requests that wait for them, until the connection is
/// closed.
async fn receive(mut answers: Subscriber, prefix: usize, slots: Arc<Mutex<Slots>>) {
    while let Some(message) = answers.next().await {
        let Some(num) = message
            .subject
            .as_str()
            .get(prefix..)
            .and_then(|num| num.parse().ok())
        else {
            continue;
        };
        lock(&slots).answer(num, &message);
    }
    lock(&slots).waiting.clear();
}

impl Slots {
    fn answer(&mut self, num: u64, message: &Message) {
        let Some(waiting) = self.waiting.get_mut(&num) else {
            return;
        };
        let result = if message.status == Some(StatusCode::NO_RESPONDERS) && message.payload.is_empty() {
            Err(Outcome::new(Code::NoWorkers, NO_WORKERS))
        } else {
            let answer = decode(message.headers.as_ref(), &message.payload);
            // Taken for ids, a late answer to another request would break the
            // order that Strong promises. An error may lack the nonce, for the
            // worker may have been unable to read it.
            let ours = answer.nonce == waiting.nonce || answer.nonce.is_none() && answer.is_error;
            if !ours {
                waiting.met_stranger = true; // the right one may still come
                return;
            }
            answer.result.and_then(|answer| check_count(answer, waiting.n))
        };
        if let Some(waiting) = self.waiting.remove(&num) {
            self.free.push(num);
            let _ = waiting.answer.send(result); // who asked may have given up
        }
    }
}

fn check_count(answer: Numbers, n: u32) -> Result<Numbers, Outcome> {
    if answer.ids.len == n {
        return Ok(answer);
    }
    let text = format!(
        "the worker answered a request for {n} ids with {}",
        answer.ids.len
    );
    Err(Outcome::new(Code::Internal, text))
}

/// A reply subject in use.
struct Slot<'a> {
    open: &'a Open,
    num: u64,
    nonce: Option<Nonce>,
}

impl Slot<'_> {
    fn take<'a>(
        open: &'a Open,
        request: &Request<'_>,
    ) -> (Slot<'a>, oneshot::Receiver<Result<Numbers, Outcome>>) {
        let (answer, answered) = oneshot::channel();
        let Request { n, nonce, .. } = *request;
        let mut slots = lock(&open.slots);
        let num = slots.free.pop().unwrap_or_else(|| {
            slots.last += 1;
            slots.last
        });
        slots.waiting.insert(
            num,
            Waiting {
                n,
                nonce,
                met_stranger: false,
                answer,
            },
        );
        (Slot { open, num, nonce }, answered)
    }

    fn met_stranger(&self) -> bool {
        lock(&self.open.slots)
            .waiting
            .get(&self.num)
            .is_some_and(|w| w.met_stranger)
    }
}

/// Gives up a slot that has not been answered, and its subject with it. One that
/// has been may be another request's by now: the nonce tells.
impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let mut slots = lock(&self.open.slots);
        if slots
            .waiting
            .get(&self.num)
            .is_some_and(|w| w.nonce == self.nonce)
        {
            slots.waiting.remove(&self.num);
        }
    }
}

/// Nothing here is left half done by a panic, so a poisoned lock is as good as
/// any.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
