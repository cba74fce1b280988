//! What runs a program once a day: a systemd user timer, a launchd agent, a Windows scheduled task.

use std::path::PathBuf;

use crate::{Host, Os, Problem, Step};

/// What is to be run.
#[derive(Debug, Clone)]
pub struct Job {
    /// What the timer is called.
    pub name: String,
    /// Absolute.
    pub program: PathBuf,
    /// Its arguments.
    pub words: Vec<String>,
    /// `DEVCA_HOME`, where that is set.
    pub home: Option<PathBuf>,
}

/// How it is set up and taken away.
#[derive(Debug)]
pub struct Plan {
    /// What the system calls it.
    pub kind: &'static str,
    /// Files with their content.
    pub files: Vec<(PathBuf, String)>,
    /// What starts it once the files are there.
    pub start: Vec<Step>,
    /// What stops it before they go.
    pub stop: Vec<Step>,
    /// What tells the system that they are gone.
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
    host.home(below).ok_or_else(|| Problem::new("it is not known where your home folder is", "set HOME"))
}

/// systemd.timer(5), systemd.service(5).
fn systemd(host: &Host, job: &Job) -> Result<Plan, Problem> {
    let systemctl = host.program("systemctl").ok_or_else(|| {
        let cron = format!("@daily {} {}", job.program.display(), job.words.join(" "));
        Problem::new("systemd is not here", format!("have cron do it: crontab -e, then {cron}"))
    })?;
    let folder = home(host, ".config/systemd/user")?;
    let quoted: Vec<String> = std::iter::once(job.program.display().to_string())
        .chain(job.words.iter().cloned())
        .map(|word| quote(&word))
        .collect();
    let environment = job.home.as_ref().map_or(String::new(), |home| {
        format!("Environment={}\n", quote(&format!("DEVCA_HOME={}", home.display())))
    });
    let service = format!(
        "[Unit]\nDescription=Renew devca's certificates\n\n[Service]\nType=oneshot\n{environment}ExecStart={}\n",
        quoted.join(" ")
    );
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

/// systemd.syntax(7): in double quotes, with backslashes; `%` and `$` would be expanded.
fn quote(word: &str) -> String {
    let escaped = word.replace('\\', r"\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
    format!("\"{escaped}\"")
}

/// launchd.plist(5).
fn launchd(host: &Host, job: &Job) -> Result<Plan, Problem> {
    let launchctl = host.needed("launchctl", "macOS")?;
    let path = home(host, &format!("Library/LaunchAgents/{}.plist", job.name))?;
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let program = job.program.display().to_string();
    let words = std::iter::once(&program).chain(&job.words);
    let words: Vec<String> = words.map(|word| format!("\t\t<string>{}</string>\n", escape(word))).collect();
    let words = words.concat();
    let environment = job.home.as_ref().map_or(String::new(), |home| {
        let home = escape(&home.display().to_string());
        format!(
            "\t<key>EnvironmentVariables</key><dict><key>DEVCA_HOME</key><string>{home}</string></dict>\n"
        )
    });
    let agent = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \
         \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\">\n<dict>\n\t<key>Label</key>\
         <string>{}</string>\n\t<key>ProgramArguments</key>\n\t<array>\n{words}\t</array>\n{environment}\
         \t<key>StartInterval</key><integer>86400</integer>\n\t<key>RunAtLoad</key><true/>\n</dict>\n</plist>\n",
        job.name
    );
    let text = path.display().to_string();
    Ok(Plan {
        kind: "launchd agent",
        files: vec![(path, agent)],
        start: vec![Step::run(&launchctl, ["load", "-w", &text])],
        stop: vec![Step::run(&launchctl, ["unload", "-w", &text])],
        after: Vec::new(),
    })
}

/// `schtasks /Create`: one command line, in which words with blanks stand in double quotes.
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
