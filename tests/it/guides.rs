//! The guides: those of the first call are run as they stand against a fresh service, and what it shows is what they say; both
//! languages show the same.

use crate::harness::{
    Blank,
    desk::{Desk, PASSWORD},
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Commands of a guide, and what it shows as their answer.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    commands: String,
    answer: Option<String>,
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guides")
}

/// The blocks of a guide, each with its language.
fn blocks(guide: &str) -> Vec<(String, String)> {
    let path = directory().join(guide);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else { continue };
        let block = lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect();
        blocks.push((language.to_owned(), block));
    }
    blocks
}

fn headings(guide: &str) -> usize {
    fs::read_to_string(directory().join(guide)).unwrap().lines().filter(|line| line.starts_with("## ")).count()
}

fn steps(guide: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (language, block) in blocks(guide) {
        match &*language {
            "bash" => steps.push(Step { commands: block, answer: None }),
            "json" => {
                let step = steps.last_mut().unwrap_or_else(|| panic!("{guide}: an answer to nothing"));
                assert_eq!(step.answer.replace(block), None, "{guide}: a second answer");
            }
            // The start of the service, which is running here.
            "sh" => {}
            other => panic!("{guide}: a block of {other:?}, which nothing tries"),
        }
    }
    steps
}

/// So what is tried in one language holds in the other.
#[test]
fn both_languages_show_the_same_code_under_as_many_headings() {
    let mut guides = 0;
    for file in fs::read_dir(directory()).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let Some(guide) = name.strip_suffix(".md").filter(|guide| !guide.ends_with(".vi")) else { continue };
        let (english, vietnamese) = (format!("{guide}.md"), format!("{guide}.vi.md"));
        assert_eq!(blocks(&vietnamese), blocks(&english), "{guide}");
        // Sections are linked to by their number.
        assert_eq!(headings(&vietnamese), headings(&english), "{guide}");
        guides += 1;
    }
    assert!(guides >= 4, "only {guides} guides");
}

both! {
    async fn the_first_call_answers_what_the_guide_shows(db: &Blank) {
        let steps = steps("first-call.md");
        assert!(steps.len() >= 8 && steps.iter().filter(|step| step.answer.is_some()).count() >= 7, "{steps:?}");
        let desk = Desk::new(db);
        let mut service = desk.start();
        service.ready().await;
        assert_eq!(service.reported().await, 0);
        let mut script = "set -euo pipefail\n".to_owned();
        for (number, step) in steps.iter().enumerate() {
            // One shell for all, as a developer has.
            script.push_str(&format!("{{\n{}}} >{number}\n", step.commands));
        }
        fs::write(desk.dir.path().join("script"), script).unwrap();
        let ran = Command::new("bash")
            .arg("script")
            .current_dir(desk.dir.path())
            .env("BASE", &service.base)
            .env("ADMIN_PASSWORD", PASSWORD)
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let mut wrong = Vec::new();
        for (number, step) in steps.iter().enumerate() {
            let said = fs::read_to_string(desk.dir.path().join(number.to_string())).unwrap();
            if said != step.answer.as_deref().unwrap_or_default() {
                wrong.push(format!("{}shows\n{}and is\n{said}", step.commands, step.answer.as_deref().unwrap_or_default()));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert_eq!(service.reported().await, 42);
        service.stop().await;
    }
}
