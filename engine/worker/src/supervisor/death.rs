//! Why a job's process ended without saying so, in words.

use std::{collections::VecDeque, process::ExitStatus};
use trainyard_types::{Code, Problem};

const LINES: usize = 20;
const LINE_CHARACTERS: usize = 300;

/// The last lines that a process wrote to standard error.
#[derive(Debug, Default)]
pub struct Tail(VecDeque<String>);

impl Tail {
    pub fn push(&mut self, line: &str) {
        if line.trim().is_empty() {
            return;
        }
        if self.0.len() == LINES {
            self.0.pop_front();
        }
        self.0.push_back(line.chars().take(LINE_CHARACTERS).collect());
    }
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// What became of the process, what may have caused it and what to do, with its last words.
pub fn problem(status: ExitStatus, tail: &Tail) -> Problem {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let signal: Option<i32> = None;
    let mut message = match (signal, status.code()) {
        (Some(9), _) => {
            "The job's process was killed (signal 9). If it ran out of memory, train on fewer rows or columns, \
                         or on a machine with more memory; otherwise retry the run."
                .to_owned()
        }
        (Some(signal), _) => format!(
            "The job's process crashed ({}). Retry the run; if it crashes again, choose the device 'cpu', and report this message.",
            signal_words(signal)
        ),
        (None, Some(code)) => {
            format!("The job's process ended with exit code {code} and without a result. Retry the run.")
        }
        (None, None) => "The job's process ended without a result. Retry the run.".to_owned(),
    };
    let last: Vec<&str> = tail.0.iter().rev().take(3).rev().map(String::as_str).collect();
    if !last.is_empty() {
        message.push_str(" Its last words: ");
        message.push_str(&last.join(" / "));
    }
    Problem::new(Code::Internal, message)
}

fn signal_words(signal: i32) -> String {
    let name = match signal {
        2 => "interrupted",
        4 => "illegal instruction",
        6 => "aborted",
        7 => "bus error",
        8 => "arithmetic error",
        11 => "segmentation fault",
        15 => "asked to end",
        24 => "CPU time limit",
        _ => return format!("signal {signal}"),
    };
    format!("signal {signal}, {name}")
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn each_end_has_its_words() {
        let mut tail = Tail::default();
        for i in 0..30 {
            tail.push(&format!("line {i}"));
        }
        let killed = problem(ExitStatus::from_raw(9), &tail).message;
        assert!(killed.starts_with("The job's process was killed (signal 9). If it ran out of memory, "), "{killed}");
        assert!(killed.ends_with("line 27 / line 28 / line 29"), "{killed}");
        let crashed = problem(ExitStatus::from_raw(11), &Tail::default()).message;
        assert!(crashed.contains("segmentation fault"), "{crashed}");
        let ended = problem(ExitStatus::from_raw(101 << 8), &Tail::default()).message;
        assert!(ended.contains("exit code 101"), "{ended}");
    }
}
