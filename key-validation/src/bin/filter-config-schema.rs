//! Prints the JSON Schema of the plugin configuration.

use key_validation::config::raw::Plugin;

fn main() -> Result<(), serde_json::Error> {
    let schema = schemars::schema_for!(Plugin);
    println!("{}", serde_json::to_string_pretty(&schema)?);
    Ok(())
}
