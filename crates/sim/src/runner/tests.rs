use super::run_text;
