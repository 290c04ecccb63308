//! Real servers, built from this repository with Go and run as processes.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use async_nats::Client;

/// A folder for what tests make, in the build output: paths that are compiled in
/// would outlive a checkout that is moved.
fn scratch() -> PathBuf {
    let me = std::env::current_exe().unwrap(); // target/debug/deps/…
    me.ancestors().nth(3).unwrap().join("tmp")
}

/// A folder that is removed in the end.
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    pub(crate) fn new() -> TempDir {
        static LAST: Mutex<u32> = Mutex::new(0);
        let mut last = LAST.lock().unwrap();
        *last += 1;
        let path = scratch().join(format!("{}-{last}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        TempDir(path)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// nats-server on a port of its own.
pub(crate) struct NatsServer {
    process: Child,
    pub(crate) port: u16,
    _dir: TempDir,
}

impl NatsServer {
    pub(crate) fn start() -> NatsServer {
        NatsServer::start_on(None)
    }

    /// Starts on `port`, or on a free one.
    pub(crate) fn start_on(port: Option<u16>) -> NatsServer {
        let binary = build("nats-server", "github.com/nats-io/nats-server/v2");
        let dir = TempDir::new();
        let process = Command::new(binary)
            .args([
                "-a",
                "127.0.0.1",
                "-p",
                &port.map_or("-1".to_owned(), |p| p.to_string()),
            ])
            .arg("--ports_file_dir")
            .arg(&dir.0)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let ports = dir.0.join(format!("nats-server_{}.ports", process.id()));
        let url = wait_for("nats-server's ports", || {
            let ports: serde_json::Value = serde_json::from_slice(&std::fs::read(&ports).ok()?).ok()?;
            ports["nats"][0].as_str().map(str::to_owned)
        });
        let port = url.rsplit(':').next().unwrap().parse().unwrap();
        NatsServer {
            process,
            port,
            _dir: dir,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub(crate) async fn connect(&self) -> Client {
        connect(&self.url()).await
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// seqd dev: NATS, etcd and a worker.
pub(crate) struct Seqd {
    process: Child,
    pub(crate) url: String,
    _dir: TempDir,
}

impl Seqd {
    pub(crate) fn start() -> Seqd {
        let dir = TempDir::new();
        let mut process = Command::new(build("seqd", "./cmd/seqd"))
            .args([
                "dev",
                "--nats-port",
                "0",
                "--etcd-port",
                "0",
                "--http-port",
                "0",
                "--data-dir",
            ])
            .arg(&dir.0)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let ready = lines.find_map(|line| line.unwrap().strip_prefix("ready nats=").map(str::to_owned));
        let url = ready
            .expect("a line: ready nats=…")
            .split(' ')
            .next()
            .unwrap()
            .to_owned();
        std::thread::spawn(move || lines.for_each(drop)); // it must not meet a closed pipe
        Seqd {
            process,
            url,
            _dir: dir,
        }
    }

    pub(crate) async fn connect(&self) -> Client {
        connect(&self.url).await
    }
}

impl Drop for Seqd {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.process);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.process.wait();
    }
}

pub(crate) async fn connect(url: &str) -> Client {
    seqd_client::connect_options().connect(url).await.unwrap()
}

/// Builds a Go program of this repository, once.
fn build(name: &str, package: &str) -> PathBuf {
    static BUILT: OnceLock<Mutex<Vec<String>>> = OnceLock::new();
    let mut built = BUILT.get_or_init(Mutex::default).lock().unwrap();
    let binary = scratch().join(name);
    if !built.iter().any(|b| b == name) {
        let here = std::env::current_dir().unwrap(); // cargo test sets it to the crate's folder
        let root = here
            .ancestors()
            .find(|dir| dir.join("go.mod").is_file())
            .expect("go.mod in a folder above");
        let status = Command::new("go")
            .args(["build", "-o"])
            .arg(&binary)
            .arg(package)
            .current_dir(root)
            .status()
            .expect("these tests need Go");
        assert!(status.success(), "go build {package}");
        built.push(name.to_owned());
    }
    binary
}

fn wait_for<T>(what: &str, mut there: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = there() {
            return found;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "no {what} in 20 s");
        std::thread::sleep(Duration::from_millis(10));
    }
}
