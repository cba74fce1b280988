//! Schedules a program once a day: with a systemd user timer, a launchd agent, or a Windows scheduled task.

use std::ffi::OsStr;
use std::fmt::Write;
use std::path::PathBuf;

use plist::{Dictionary, Value};

use crate::step::quoted;
use crate::{Host, Os, Problem, Step};

/// The program to run.
#[derive(Debug, Clone)]
pub struct Job {
    /// The name of the timer.
    pub name: String,
    /// The absolute path of the program.
    pub program: PathBuf,
    /// Its arguments.
    pub words: Vec<String>,
    /// Its environment variables, if the system supports them for timers.
    pub environment: Vec<(&'static str, String)>,
}

/// How to install and remove a timer.
#[derive(Debug)]
pub struct Plan {
    /// The system's name for it.
    pub kind: &'static str,
    /// The files with their content.
    pub files: Vec<(PathBuf, String)>,
    /// The steps that start it after the files were written.
    pub start: Vec<Step>,
    /// The steps that stop it before the files are deleted.
    pub stop: Vec<Step>,
    /// The steps that tell the system that they were deleted.
    pub after: Vec<Step>,
}

/// The plan for this system.
pub fn plan(host: &Host, job: &Job) -> Result<Plan, Problem> {
    match host.os {
        Os::Linux => systemd(host, job),
        Os::MacOs => launchd(host, job),
        Os::Windows => Ok(scheduled_task(job)),
    }
}

fn home(host: &Host, below: &str) -> Result<PathBuf, Problem> {
    host.home(below).ok_or_else(|| Problem::new("cannot determine your home folder", "set HOME"))
}

/// systemd.timer(5), systemd.service(5).
fn systemd(host: &Host, job: &Job) -> Result<Plan, Problem> {
    let systemctl = host.program("systemctl").ok_or_else(|| {
        let hint = format!("have cron run it once a day: run crontab -e, and add: {}", crontab(job));
        Problem::new("systemd was not found", hint)
    })?;
    let folder = home(host, ".config/systemd/user")?;
    let mut service =
        "[Unit]\nDescription=Renew devca's certificates\n\n[Service]\nType=oneshot\n".to_owned();
    for (name, value) in &job.environment {
        let _ = writeln!(service, "Environment={}", unit_quoted(&format!("{name}={value}")));
    }
    // Variables are expanded in the arguments, but not in the program.
    let _ = write!(service, "ExecStart={}", unit_quoted(&job.program.display().to_string()));
    for word in &job.words {
        let _ = write!(service, " {}", unit_quoted(word).replace('$', "$$"));
    }
    service.push('\n');
    let timer = "[Unit]\nDescription=Renew devca's certificates once a day\n\n[Timer]\nOnCalendar=daily\n\
                 Persistent=true\nRandomizedDelaySec=1h\n\n[Install]\nWantedBy=timers.target\n";
    let unit = format!("{}.timer", job.name);
    let reload = || Step::run(&systemctl, ["--user", "daemon-reload"]);
    Ok(Plan {
        kind: "systemd user timer",
        files: vec![
            (folder.join(format!("{}.service", job.name)), service),
            (folder.join(&unit), timer.to_owned()),
        ],
        start: vec![reload(), Step::run(&systemctl, ["--user", "enable", "--now", &unit])],
        stop: vec![Step::run(&systemctl, ["--user", "disable", "--now", &unit])],
        after: vec![reload()],
    })
}

/// In double quotes, systemd.syntax(7) supports C escapes, and `%` begins a specifier (systemd.unit(5)). A
/// `$` is a variable in `ExecStart=` but an ordinary character in `Environment=`.
fn unit_quoted(word: &str) -> String {
    let mut quoted = String::from("\"");
    for c in word.chars() {
        match c {
            '\\' => quoted.push_str(r"\\"),
            '"' => quoted.push_str("\\\""),
            '%' => quoted.push_str("%%"),
            '\n' => quoted.push_str(r"\n"),
            c if c.is_ascii_control() => _ = write!(quoted, r"\x{:02x}", u32::from(c)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A line for crontab(5), in which `%` would end the command.
fn crontab(job: &Job) -> String {
    let variables =
        job.environment.iter().map(|(name, value)| format!("{name}={}", quoted(OsStr::new(value))));
    let words = job.words.iter().map(|word| quoted(OsStr::new(word)));
    let program = quoted(job.program.as_os_str());
    let command: Vec<String> = variables.chain([program]).chain(words).collect();
    format!("@daily {}", command.join(" ").replace('%', r"\%"))
}

/// launchd.plist(5).
fn launchd(host: &Host, job: &Job) -> Result<Plan, Problem> {
    let launchctl = host.needed("launchctl", "macOS")?;
    let path = home(host, &format!("Library/LaunchAgents/{}.plist", job.name))?;
    let words = std::iter::once(job.program.display().to_string()).chain(job.words.iter().cloned());
    let mut agent = Dictionary::new();
    agent.insert("Label".into(), job.name.as_str().into());
    agent.insert("ProgramArguments".into(), Value::Array(words.map(Value::from).collect()));
    if !job.environment.is_empty() {
        let variables =
            job.environment.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str())));
        agent.insert("EnvironmentVariables".into(), Value::Dictionary(variables.collect()));
    }
    agent.insert("StartInterval".into(), 86_400.into());
    agent.insert("RunAtLoad".into(), true.into());
    let mut xml = Vec::new();
    Value::Dictionary(agent)
        .to_writer_xml(&mut xml)
        .map_err(|e| Problem::new(format!("the agent cannot be written: {e}"), "leave --exec out"))?;
    let text = path.display().to_string();
    Ok(Plan {
        kind: "launchd agent",
        files: vec![(path, String::from_utf8_lossy(&xml).into_owned())],
        start: vec![Step::run(&launchctl, ["load", "-w", &text])],
        stop: vec![Step::run(&launchctl, ["unload", "-w", &text])],
        after: Vec::new(),
    })
}

/// `schtasks /Create` takes a single command line, in which words with spaces must be quoted. A task has no
/// variables of its own, only those of the account.
fn scheduled_task(job: &Job) -> Plan {
    let schtasks = PathBuf::from(r"C:\Windows\System32\schtasks.exe");
    let program = job.program.display().to_string();
    let words = std::iter::once(&program).chain(&job.words);
    let line: Vec<String> = words.map(|word| format!("\"{}\"", word.replace('"', "\\\""))).collect();
    let line = line.join(" ");
    let create = ["/Create", "/F", "/SC", "DAILY", "/TN", &job.name, "/TR", &line];
    Plan {
        kind: "scheduled task",
        files: Vec::new(),
        start: vec![Step::run(&schtasks, create)],
        stop: vec![Step::run(&schtasks, ["/Delete", "/F", "/TN", &job.name])],
        after: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_a_unit_is_one_word_whatever_it_holds() {
        assert_eq!(unit_quoted("a\n[Service]\r%h \"$x\" \\"), r#""a\n[Service]\x0d%%h \"$x\" \\""#);
    }

    #[test]
    fn a_crontab_line_is_quoted_twice() {
        let job = Job {
            name: "devca-renew".into(),
            program: "/opt/my tools/devca".into(),
            words: vec!["renew".into(), "--exec".into(), "date +%F".into()],
            environment: vec![("DEVCA_HOME", "/a b".into())],
        };
        let expected = r"@daily DEVCA_HOME='/a b' '/opt/my tools/devca' renew --exec 'date +\%F'";
        assert_eq!(crontab(&job), expected);
    }
}
