//! The command line.

use crate::config::Flags;
use clap::{Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use tinhnguyen_domain::access::Role;

const AFTER: &str = "\
Examples:
  tinhnguyen                                  serve on 127.0.0.1:8080 with a SQLite database in ./data
  tinhnguyen demo                             fill that database with a demonstration campaign
  tinhnguyen serve --listen 0.0.0.0:80        serve to the network
  DATABASE_URL=postgres://u:p@host/name tinhnguyen
                                              the same on PostgreSQL 15 or later
  tinhnguyen config                           show the settings in force and where each came from
  tinhnguyen user passwd admin                set a new password for the administrator
  tinhnguyen progress check                   compare results, ledger and totals
  tinhnguyen reorganise reform-2025 --dry-run say what the reform of July 2025 would do to the organisation
  tinhnguyen audit verify                     find a changed or removed row of the audit log
  tinhnguyen keys rotate                      sign tokens with a new key from ten minutes on
  tinhnguyen personal-data rotate             seal the personal data anew under a new key

Every setting may also stand in the environment (--data-dir is TINHNGUYEN_DATA_DIR) or in the file
tinhnguyen.toml in the working directory (data_dir = \"…\").";

/// Service of the Youth Union's volunteer campaign: teams, results, and exact progress towards 6,000,000 turns.
///
/// Dịch vụ của Chiến dịch Thanh niên tình nguyện: đội hình, kết quả, và tiến độ chính xác tới 6.000.000 lượt.
/// Without a command it serves.
#[derive(Parser, Debug)]
#[command(name = "tinhnguyen", bin_name = "tinhnguyen", version, after_help = AFTER, max_term_width = 120)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Settings.
    #[command(flatten)]
    pub flags: Flags,
}

/// A command.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Serve the API, its documentation and the public dashboard (the default)
    ///
    /// Makes the database when it is not there, brings its schema up to date, adds missing reference data, makes the
    /// first user `admin` when there are no users, and serves until SIGTERM or Ctrl-C, which let accepted requests end.
    Serve,
    /// Bring the database's schema up to date, or take it back
    Migrate {
        /// Take back the last N migrations instead, with all data in what they made
        #[arg(long, value_name = "N")]
        down: Option<u32>,
    },
    /// Add the reference data that are missing: localities, organisation, campaign 2024, indicator 7
    Seed {
        /// Also add the 696 district and 10,035 commune unions of 2024
        #[arg(long)]
        grassroots: bool,
    },
    /// Change the organisation as a reform of the country did
    #[command(subcommand)]
    Reorganise(Reorganise),
    /// Fill the database with a plausible campaign, marked as demonstration data for good
    ///
    /// About 5,000 teams, 40,000 activities and 100,000 results of summer 2024, the same ones each time. Refuses a
    /// database that holds teams of its own. When it was interrupted, running it again goes on where it stopped.
    Demo,
    /// Print the API's description
    Openapi {
        /// The version of OpenAPI that it is written in
        #[arg(long = "as", value_name = "VERSION", value_enum, default_value_t)]
        version: OpenApiVersion,
        /// Write it to this file instead
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Check or rebuild the totals
    #[command(subcommand)]
    Progress(Progress),
    /// Check the audit log
    #[command(subcommand)]
    Audit(Audit),
    /// List or rotate the keys that sign tokens
    #[command(subcommand)]
    Keys(Keys),
    /// Renew the key of the personal data, or end its time
    #[command(subcommand)]
    PersonalData(PersonalData),
    /// Add users and set passwords
    #[command(subcommand)]
    User(User),
    /// Print the settings in force and where each came from, secrets masked
    Config,
    /// Ask the service on the listening address whether it is alive: exit code 0 or 1
    Healthcheck,
}

/// How the organisation changes.
#[derive(Subcommand, Debug, Clone, Copy)]
pub enum Reorganise {
    /// Apply the reform of 1 July 2025: 63 provincial unions become 34, district unions end
    ///
    /// In one transaction, from the mapping of the reference data. Commune unions go along where `seed --grassroots` made
    /// them: 10,035 become 3,321. What ended is found beneath what took its place, with its teams, people and figures; no
    /// total changes, and figures can be asked by the tree of then or of now. Running services notice by themselves. A
    /// second run says that it was done. It can't be taken back: make a backup before.
    #[command(name = "reform-2025")]
    Reform2025 {
        /// Only say what would be done
        #[arg(long)]
        dry_run: bool,
    },
}

/// What to do with the totals.
#[derive(Subcommand, Debug, Clone, Copy)]
pub enum Progress {
    /// Compare results, ledger and totals; exit code 1 and a line for each place where they disagree
    Check,
    /// Make all totals anew from the ledger, in one transaction
    Rebuild,
}

/// What to do with the audit log.
#[derive(Subcommand, Debug, Clone, Copy)]
pub enum Audit {
    /// Check every row against its seal and every seal against the one before; exit code 1 when one does not hold
    Verify,
}

/// What to do with the keys that sign tokens.
#[derive(Subcommand, Debug, Clone, Copy)]
pub enum Keys {
    /// List the keys of the file and what each does
    List,
    /// Add a key that signs from a little later on; the one before goes on checking what it signed
    ///
    /// Running services read the file again within seconds. Keys whose tokens have all run out are left out.
    Rotate {
        /// Minutes until the new key signs: by then every replica, and everybody who keeps the public keys, must know it
        #[arg(long, value_name = "MINUTES", default_value_t = 10, value_parser = clap::value_parser!(u16).range(0..=10_080))]
        after: u16,
    },
    /// Put one new key in the place of all: every access token stops working within seconds. For when a key got out
    Replace,
}

/// What to do with the personal data.
#[derive(Subcommand, Debug)]
pub enum PersonalData {
    /// Seal all personal data anew under a new key, while the service goes on
    ///
    /// The new key becomes the first one of the file of keys; the older ones stay below it, for backups. Several machines
    /// need the new key in their files before. When it was interrupted, running it again goes on where it stopped.
    Rotate {
        /// File with the new key, 32 bytes in base64 [default: one is made]
        #[arg(long, value_name = "FILE")]
        new_key_file: Option<PathBuf>,
    },
    /// Make volunteers unknown whose time is over, as the service does by itself every hour
    Expire {
        /// Only say how many there are
        #[arg(long)]
        dry_run: bool,
    },
}

/// The versions of OpenAPI that the API's description is written in.
#[derive(ValueEnum, Debug, Clone, Copy, Default)]
pub enum OpenApiVersion {
    /// The contract itself.
    #[default]
    #[value(name = "3.1")]
    V3_1,
    /// For tools that don't read 3.1 yet.
    #[value(name = "3.0")]
    V3_0,
}

/// What to do with a user.
#[derive(Subcommand, Debug)]
pub enum User {
    /// Add a user; with --role also grant it
    Add {
        /// Name to log in with: 2 to 64 of a-z, 0-9, `.`, `_`, `@`, `+`, `-`
        username: String,
        /// The person's name
        #[arg(long, value_name = "NAME")]
        full_name: String,
        /// Role to grant: administrator, coordinator, verifier, team_leader, inspector, viewer or guide
        #[arg(long)]
        role: Option<Role>,
        /// Code of the unit over whose subtree the role is granted
        #[arg(long, value_name = "CODE", default_value = tinhnguyen_persistence::reference::CENTRE, requires = "role")]
        org_unit: String,
        /// File with the password [default: one is made up and shown once]
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Set a user's password
    Passwd {
        /// Name that the user logs in with
        username: String,
        /// File with the password [default: one is made up and shown once]
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn settings_may_stand_before_and_after_the_command_and_no_command_serves() {
        for line in [["--listen", "1.1.1.1:1", "serve"], ["serve", "--listen", "1.1.1.1:1"]] {
            let cli = Cli::try_parse_from(["tinhnguyen"].into_iter().chain(line)).unwrap();
            assert_eq!(cli.flags.listen.as_deref(), Some("1.1.1.1:1"));
            assert!(matches!(cli.command, Some(Command::Serve)));
        }
        assert!(Cli::try_parse_from(["tinhnguyen"]).unwrap().command.is_none());
        assert!(Cli::try_parse_from(["tinhnguyen", "serv"]).is_err());
    }
}
