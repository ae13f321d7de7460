//! Words, numbers and signs of a script, each with its place.

use logos::Logos;
use std::fmt;
use std::ops::Range;

#[derive(Logos, Clone, Debug, PartialEq)]
#[logos(skip r"[ \t\r\n\f]+")]
#[logos(skip(r"#[^\n]*", allow_greedy = true))]
#[logos(skip r"/\*([^*]|\*[^/])*\*/")]
pub(super) enum Token<'a> {
    // `//` alone is a comment, `//#` is ours; the parser drops the former.
    #[regex(r"//[^\n]*", allow_greedy = true)]
    LineComment(&'a str),
    #[regex(r"[0-9]*\.[0-9]+|[0-9]+")]
    Number(&'a str),
    #[regex(r"0x[0-9a-fA-F]+")]
    Hex(&'a str),
    #[regex(r"[A-Za-z_][A-Za-z0-9_]*")]
    Word(&'a str),
    #[regex(r#""(\\(.|\n)|[^"\\])*""#, |lex| { let s = lex.slice(); &s[1..s.len() - 1] })]
    Text(&'a str),
    #[regex(r"`(\\(.|\n)|[^`\\])*`", |lex| { let s = lex.slice(); &s[1..s.len() - 1] })]
    Command(&'a str),
    #[regex(r"%\{([^}]|\}[^%])*\}%", |lex| { let s = lex.slice(); &s[2..s.len() - 2] })]
    Code(&'a str),
    #[regex(r#"--[a-zA-Z_0-9]+(=("[^"\n]*"|[^ \t\r\n"])+)?"#)]
    Option(&'a str),
    #[token("...")]
    Ellipsis,
    #[regex(r"[-+*~<>.:;,(){}\[\]=|!/]", |lex| lex.slice().chars().next())]
    Sign(char),
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::LineComment(text) | Token::Number(text) | Token::Hex(text) | Token::Word(text) => {
                write!(f, "`{text}`")
            }
            Token::Text(text) => write!(f, "\"{text}\""),
            Token::Command(_) => f.write_str("a command in backquotes"),
            Token::Code(_) => f.write_str("a block of code"),
            Token::Option(text) => write!(f, "`{text}`"),
            Token::Ellipsis => f.write_str("`...`"),
            Token::Sign(sign) => write!(f, "`{sign}`"),
        }
    }
}

/// All tokens with their places; on failure the place of the first character that begins none.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token<'_>, Range<usize>)>, Range<usize>> {
    let mut all = Vec::new();
    for (token, span) in Token::lexer(text).spanned() {
        match token {
            Ok(Token::LineComment(comment)) if !comment.starts_with("//#") => {}
            Ok(token) => all.push((token, span)),
            Err(()) => return Err(span),
        }
    }
    Ok(all)
}
