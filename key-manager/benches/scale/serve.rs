//! A key manager for the filter's benchmark: it serves until standard input ends. A line there is a command of the program,
//! which is run and then answered with an empty line.

use std::io::{BufRead as _, Write as _};

use crate::Filled;
use crate::figures::Serving;
use crate::measured::{self, BOOTSTRAP, credential, gateway_name};

/// How many gateways can be told apart.
const GATEWAYS: usize = 8;

pub(crate) fn serve(filled: &Filled) {
    let program = filled.start(0);
    let serving = Serving {
        database: filled.version.clone(),
        address: program.address(),
        administrator: BOOTSTRAP.to_owned(),
        gateways: (1..=GATEWAYS).map(|number| (gateway_name(number), credential(number))).collect(),
        size: filled.size,
        held: filled.held,
    };
    say(&serde_json::to_string(&serving).expect("JSON"));
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let command: Vec<_> = line.split_whitespace().collect();
        measured::run(&filled.url, filled.directory.path(), &command);
        say("");
    }
}

/// Whoever reads waits for it.
fn say(line: &str) {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}").and_then(|()| output.flush()).expect("write to standard output");
}
