//! Subjects: `<root>.<store>.<key>`.

/// First token of the subjects unless configured otherwise.
pub(crate) const ROOT: &str = "seq";

const MAX_TOKEN_LEN: usize = 64; // bytes of a store's name or a root
const MAX_KEY_LEN: usize = 200; // bytes, escapes and separators included
const MAX_KEY_TOKENS: usize = 15;

/// Reports whether `s` can be a store's name or a root. The error begins with
/// `what`.
pub(crate) fn check_token(what: &str, s: &str) -> Result<(), String> {
    if s.is_empty() || s.len() > MAX_TOKEN_LEN {
        return Err(format!(
            "{what} must have 1 to {MAX_TOKEN_LEN} bytes, not {}",
            s.len()
        ));
    }
    match s.bytes().find(|&b| !is_token_byte(b)) {
        Some(b) => Err(format!("{what} may hold A-Z a-z 0-9 _ - only, not {}", quote(b))),
        None => Ok(()),
    }
}

/// Writes any text as a key. A dot separates tokens, but one that is first,
/// last or follows another dot becomes `=2E`; every other byte outside
/// `A-Za-z0-9-_/` becomes `=XX`. Different texts give different keys.
pub(crate) fn escape(text: &str) -> Result<String, String> {
    let bytes = text.as_bytes();
    let mut key = String::with_capacity(bytes.len());
    let mut tokens = 1;
    for (i, &b) in bytes.iter().enumerate() {
        let separates = b == b'.' && i > 0 && i < bytes.len() - 1 && bytes[i - 1] != b'.';
        if separates {
            tokens += 1;
        }
        if separates || is_token_byte(b) || b == b'/' {
            key.push(char::from(b));
        } else {
            key.push_str(&format!("={b:02X}"));
        }
    }
    if key.is_empty() || key.len() > MAX_KEY_LEN {
        return Err(format!(
            "key must have 1 to {MAX_KEY_LEN} bytes, not {}",
            key.len()
        ));
    }
    if tokens > MAX_KEY_TOKENS {
        return Err(format!(
            "key has {tokens} tokens, at most {MAX_KEY_TOKENS} are allowed"
        ));
    }
    Ok(key)
}

/// The subject to ask for ids of an escaped key. It checks nothing.
pub(crate) fn subject(root: &str, store: &str, key: &str) -> String {
    format!("{root}.{store}.{key}")
}

fn is_token_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'-' || b == b'_'
}

fn quote(b: u8) -> String {
    match b {
        b' '..=b'~' => format!("'{}'", char::from(b)),
        _ => format!("0x{b:02X}"),
    }
}
