//! The binary as an operator runs it: first start, orderly and disorderly ends, two at once, and its commands.

use crate::harness::{
    Blank, check,
    desk::{Desk, PASSWORD, START},
    letters::Letter,
    world,
};
use serde_json::json;
use std::{
    fs::{self, File},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    process::Command,
    time::{Duration, Instant},
};
use tinhnguyen_persistence::StoreError;

both! {
    async fn a_first_start_makes_everything_and_a_second_one_finds_it(db: &Blank) {
        let desk = Desk::new(db);
        let mut service = desk.start();
        service.ready().await;
        for path in ["/healthz", "/readyz", "/v1/public/progress"] {
            service.get(path).await;
        }
        let total = service.get("/v1/localities?kind=commune&as_of=2024-07-15&include_total=true&limit=1").await;
        assert_eq!(total["total"], 10_035);
        let said = service.said();
        for word in ["/docs", "/healthz", "/v1/auth/token", &service.base] {
            assert!(said.contains(word), "{word} in {said}");
        }
        assert!(!said.contains(PASSWORD), "{said}");
        let team = service.post("/v1/teams", &world::new_team(world::seeded_unit(world::HA_NOI))).await.unwrap();
        service.stop().await;

        let mut again = desk.start();
        again.ready().await;
        assert_eq!(again.get("/v1/teams").await["data"], json!([team]));
        assert_eq!(again.get("/v1/users?include_total=true").await["total"], 1);
        again.stop().await;
    }

    async fn without_a_file_the_first_password_is_made_said_once_and_good(db: &Blank) {
        let desk = Desk::new(db);
        let http = reqwest::Client::new();
        // Serves until it is alive, tries `candidates` of what it said as the password, and gives the right ones.
        let serve = async || {
            let free = TcpListener::bind(("127.0.0.1", 0)).unwrap();
            let address = free.local_addr().unwrap().to_string();
            drop(free);
            let (out, err) = (desk.dir.path().join("out"), desk.dir.path().join("err"));
            let mut command = desk.command(&["serve", "--listen", &address]);
            let mut child =
                command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap()).spawn().unwrap();
            let read = |path| fs::read_to_string(path).unwrap();
            let started = Instant::now();
            while http.get(format!("http://{address}/healthz")).send().await.is_err() {
                assert!(started.elapsed() < START, "{}", read(&err));
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            let mut right = Vec::new();
            for word in read(&out).split_whitespace().filter(|word| word.len() >= 12 && !word.contains('/')) {
                let word = word.trim_matches(|c: char| matches!(c, '"' | '\'' | '`' | ',' | '.'));
                let form = [("grant_type", "password"), ("username", "admin"), ("password", word)];
                let login = http.post(format!("http://{address}/v1/auth/token")).form(&form).send().await.unwrap();
                if login.status() == 200 {
                    right.push(word.to_owned());
                }
            }
            let _ = child.kill();
            let _ = child.wait();
            (right, read(&out), read(&err))
        };
        let (right, said, log) = serve().await;
        assert_eq!(right.len(), 1, "the password, once, in: {said}");
        assert!(!log.contains(&right[0]), "the password is in the log");
        let (again, said, log) = serve().await;
        assert_eq!(again, Vec::<String>::new());
        assert!(!said.contains(&right[0]) && !log.contains(&right[0]));
    }

    async fn killed_under_writes_it_has_all_that_it_acknowledged_and_each_thing_once(db: &Blank) {
        let desk = Desk::new(db);
        let mut service = desk.start();
        service.ready().await;
        let team = service.post("/v1/teams", &world::new_team(world::seeded_unit(world::HA_NOI))).await.unwrap();
        let (mut acknowledged, mut begun) = (0, 0);
        for round in 1..=4 {
            let writer = async || {
                let (mut acknowledged, mut begun) = (0, 0);
                loop {
                    begun += 1;
                    match service.one_turn(&team).await {
                        Some(()) => acknowledged += 1,
                        None => return (acknowledged, begun),
                    }
                }
            };
            let writers = futures_util::future::join_all((0..4).map(|_| writer()));
            let killer = async {
                tokio::time::sleep(Duration::from_millis(700 * round)).await;
                service.signal("KILL");
            };
            let (counts, ()) = tokio::join!(writers, killer);
            for (a, b) in counts {
                acknowledged += a;
                begun += b;
            }
            service = desk.start();
            service.ready().await;
            let reported = service.reported().await;
            assert!((acknowledged..=begun).contains(&reported), "round {round}: {acknowledged} ≤ {reported} ≤ {begun}");
            // What is there and was not acknowledged counts from now on as begun and acknowledged.
            (acknowledged, begun) = (reported, reported);
            let (code, said) = desk.run(&["progress", "check"]);
            assert_eq!(code, Some(0), "round {round}: {said}");
        }
        assert!(acknowledged > 10, "only {acknowledged} turns");
        service.stop().await;
    }

    async fn the_check_of_progress_passes_and_fails_with_the_totals(db: &Blank) {
        let desk = Desk::new(db);
        let mut service = desk.start();
        service.ready().await;
        let team = service.post("/v1/teams", &world::new_team(world::seeded_unit(world::HA_NOI))).await.unwrap();
        service.one_turn(&team).await.unwrap();
        service.stop().await;
        let (code, said) = desk.run(&["progress", "check"]);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("reported 1, verified 0, target 6000000"), "{said}");

        let store = db.open().await;
        store
            .write::<_, StoreError>(async |tx| {
                use sea_orm::ConnectionTrait;
                tx.execute_unprepared("UPDATE rollup_cell SET reported = reported + 1").await?;
                Ok(())
            })
            .await
            .unwrap();
        let (code, said) = desk.run(&["progress", "check"]);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("DISAGREES") && said.contains("total 2/0, ledger 1/0"), "{said}");

        let (code, said) = desk.run(&["progress", "rebuild"]);
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(desk.run(&["progress", "check"]).0, Some(0));
        assert_eq!(check(&store).await.disagreements, []);
        store.close().await.unwrap();
    }

    async fn the_running_service_sends_mail_whose_link_is_good(db: &Blank) {
        let desk = Desk::new(db);
        let mut service = desk.start();
        service.ready().await;
        let invitation = world::new_invitation(world::seeded_unit(world::HA_NOI));
        service.post("/v1/invitations", &invitation).await.unwrap();
        let data = desk.dir.path().join("data");
        let started = Instant::now();
        let letter = loop {
            let files: Vec<_> = fs::read_dir(data.join("mail")).unwrap().map(|file| file.unwrap().path()).collect();
            if let [file] = &files[..]
                && file.extension().is_some_and(|extension| extension == "eml")
            {
                break Letter::read(&fs::read_to_string(file).unwrap());
            }
            assert!(started.elapsed() < START, "no mail: {}", service.said());
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        assert!(letter.text.contains(&format!("{}/account/invitation#tni_", service.base)), "{}", letter.text);
        assert!(!service.said().contains("tni_") && !service.said().contains("nguoi-moi@"), "{}", service.said());
        let body = json!({"token": letter.token(), "username": "nguoi-moi", "password": "mat-khau-cua-nguoi-moi"});
        service.post("/v1/auth/invitations/accept", &body).await.unwrap();
        let mode = |path: &str| fs::metadata(data.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("secrets.key"), mode("mail")), (0o600, 0o700));
        service.stop().await;
    }

    async fn told_to_stop_it_finishes_what_it_accepted(db: &Blank) {
        let desk = Desk::new(db);
        let mut service = desk.start();
        service.ready().await;
        let team = service.post("/v1/teams", &world::new_team(world::seeded_unit(world::HA_NOI))).await.unwrap();
        let mut done = 0;
        let writers = futures_util::future::join_all((0..4).map(|_| async {
            let mut done = 0;
            while service.one_turn(&team).await.is_some() {
                done += 1;
            }
            done
        }));
        let stopper = async {
            tokio::time::sleep(Duration::from_millis(800)).await;
            service.signal("TERM");
        };
        let (counts, ()) = tokio::join!(writers, stopper);
        done += counts.into_iter().sum::<i64>();
        assert_eq!(service.ended().await.code(), Some(0), "{}", service.said());
        let mut again = desk.start();
        again.ready().await;
        let reported = again.reported().await;
        assert!((done..=done + 4).contains(&reported), "{done} acknowledged, {reported} there");
        again.stop().await;
    }

    async fn what_cannot_be_used_stops_the_start_with_a_sentence(db: &Blank) {
        let desk = Desk::new(db);
        let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = taken.local_addr().unwrap().to_string();
        for (arguments, word) in [
            (&["serve", "--listen", &address][..], address.as_str()),
            (&["serve", "--listen", "nowhere"], "--listen"),
            (&["serve", "--listen", "127.0.0.1:0", "--admin-password-file", "no-such-file"], "no-such-file"),
            (&["serve", "--colour", "red"], "--colour"),
            (&["serve", "--mail-transport", "smtp://mail.example.org"], "mail_from"),
            (&["serve", "--listen", "127.0.0.1:0", "--secrets-key-file", "password"], "key of secrets"),
            (&["serve", "--require-totp", "maybe"], "require_totp"),
            (
                &["serve", "--oidc-issuer", "https://example.org", "--oidc-client-id", "x", "--oidc-client-secret-file", "no-such-file", "--listen", "127.0.0.1:0"],
                "no-such-file",
            ),
            (&["dance"], "dance"),
        ] {
            let (code, said) = desk.run(arguments);
            assert!(matches!(code, Some(1 | 2)), "{arguments:?}: {code:?} {said}");
            assert!(said.contains(word) && !said.contains("panicked"), "{arguments:?}: {said}");
        }
        let mut misspelt = desk.command(&["config"]);
        let output = misspelt.env("TINHNGUYEN_LISTN", "127.0.0.1:1").output().unwrap();
        assert_ne!(output.status.code(), Some(0));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.to_lowercase().contains("listn"), "{said}");
    }

    async fn migrations_are_taken_back_and_applied_by_command(db: &Blank) {
        let desk = Desk::new(db);
        for arguments in [&["migrate"][..], &["migrate", "--down", "7"], &["migrate"], &["seed"], &["seed"]] {
            let (code, said) = desk.run(arguments);
            assert_eq!(code, Some(0), "{arguments:?}: {said}");
        }
        let store = db.open().await;
        assert_eq!(store.pending_migrations().await.unwrap(), 0);
        let units: i64 = crate::harness::value(store.read(), "SELECT count(*) FROM org_unit").await;
        assert_eq!(units, 69);
        store.close().await.unwrap();
    }
}

both! {
    async fn the_key_of_the_personal_data_is_made_renewed_and_missed_and_nothing_personal_is_said(db: &Blank) {
        const TELLING: [&str; 4] = ["0912 345 678", "912345678", "dao.nguyen@example.org", "Đào"];
        let desk = Desk::new(db);
        let mut service = desk.start();
        service.ready().await;
        let body = world::new_volunteer(world::seeded_unit(world::HA_NOI));
        let made = service.post("/v1/volunteers", &body).await.unwrap();
        let path = format!("/v1/volunteers/{}", made["id"].as_str().unwrap());
        service.get("/v1/volunteers?q=%C4%90%C3%A0o").await;
        let file = desk.dir.path().join("data/personal.key");
        let first = fs::read_to_string(&file).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);

        // Renewed while it serves: it takes the new key up by itself.
        let (code, said) = desk.run(&["personal-data", "rotate"]);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("sealed 3 values anew"), "{said}");
        let keys = |text: &str| text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>();
        let second = fs::read_to_string(&file).unwrap();
        assert_eq!(keys(&second)[1..], keys(&first));
        assert!(keys(&second).iter().all(|key| !said.contains(key)), "{said}");
        assert_eq!(service.get(&path).await["phone"], body["phone"]);
        assert_eq!(service.post("/v1/volunteers", &body).await.unwrap()["duplicate_ids"], json!([made["id"]]));
        let (code, said) = desk.run(&["personal-data", "rotate", "--new-key-file", "no-such-file"]);
        assert_eq!((code, said.contains("no-such-file")), (Some(1), true), "{said}");
        fs::write(desk.dir.path().join("new.key"), "bm8ga2V5\n").unwrap();
        let (code, said) = desk.run(&["personal-data", "rotate", "--new-key-file", "new.key"]);
        assert_eq!((code, said.contains("line 1") && !said.contains("bm8ga2V5")), (Some(1), true), "{said}");
        let said = service.said();
        assert!(said.contains("/v1/volunteers") && TELLING.iter().all(|word| !said.contains(word)), "{said}");
        let metrics = service.http.get(format!("{}/metrics", service.base)).send().await.unwrap().text().await.unwrap();
        assert!(metrics.contains("/v1/volunteers") && TELLING.iter().all(|word| !metrics.contains(word)), "{metrics}");
        service.stop().await;

        // Without its key, or with another one, it doesn't start, and makes no new one.
        let serve = ["serve", "--listen", "127.0.0.1:0", "--admin-password-file", "password"];
        fs::remove_file(&file).unwrap();
        let (code, said) = desk.run(&serve);
        assert!(code == Some(1) && said.contains("personal.key is missing") && said.contains("put it back"), "{said}");
        assert!(!file.exists());
        fs::write(&file, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n").unwrap();
        let (code, said) = desk.run(&serve);
        assert!(code == Some(1) && said.contains("holds personal data under the key"), "{said}");
        let (code, said) = desk.run(&[&serve[..], &["--personal-key-file", "nowhere.key"]].concat());
        assert!(code == Some(1) && said.contains("nowhere.key is missing"), "{said}");
        fs::write(&file, &second).unwrap();
        let mut again = desk.start();
        again.ready().await;
        assert_eq!(again.get(&path).await["email"], body["email"]);

        // The end of its time.
        let (code, said) = desk.run(&["personal-data", "expire", "--dry-run"]);
        assert!(code == Some(0) && said.starts_with("0 volunteers would"), "{said}");
        let store = db.open().await;
        let aged = match store.engine() {
            "sqlite" => "UPDATE volunteer SET created_at = '2020' || substr(created_at, 5), consent_given_at = '2020' || substr(consent_given_at, 5)",
            _ => "UPDATE volunteer SET created_at = '2020-01-01', consent_given_at = '2020-01-01'",
        };
        let age = async |tx: &tinhnguyen_persistence::Tx| {
            use sea_orm::ConnectionTrait;
            Ok::<_, StoreError>(tx.execute_unprepared(aged).await.map(|_| ())?)
        };
        store.write(age).await.unwrap();
        store.close().await.unwrap();
        let (code, said) = desk.run(&["personal-data", "expire", "--dry-run"]);
        assert!(code == Some(0) && said.starts_with("2 volunteers would"), "{said}");
        let (code, said) = desk.run(&["personal-data", "expire"]);
        assert!(code == Some(0) && said.contains("2 volunteers made unknown"), "{said}");
        assert_eq!(again.get(&path).await["erasure_reason"], "retention");
        again.stop().await;
    }
}

// A SQLite file belongs to one service: another one may only look at it.
only! { Postgres:
    async fn two_replicas_that_start_at_once_on_an_empty_database_both_serve_it(db: &Blank) {
        let desk = Desk::new(db);
        let (mut one, mut two) = (desk.start(), desk.start());
        one.ready().await;
        two.ready().await;
        let team = one.post("/v1/teams", &world::new_team(world::seeded_unit(world::HA_NOI))).await.unwrap();
        // They share the key, so a token of one is good at the other.
        two.token.clone_from(&one.token);
        assert_eq!(two.get("/v1/teams").await["data"], json!([team]));
        assert_eq!(two.get("/v1/org-units?include_total=true&limit=1").await["total"], 69);
        assert_eq!(one.get("/v1/users?include_total=true").await["total"], 1);
        one.one_turn(&team).await.unwrap();
        assert_eq!((one.reported().await, two.reported().await), (1, 1));
        one.stop().await;
        two.stop().await;
    }
}

#[test]
fn the_printed_contract_is_the_committed_one() {
    let output = Command::new(env!("CARGO_BIN_EXE_tinhnguyen-under-test")).env_clear().arg("openapi").output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), tinhnguyen_http::app::contract().text());
}
