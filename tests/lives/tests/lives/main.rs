//! Random lives: what holds for all of them, their money, and the providers' schemas.

mod all;
mod money;
mod schemas;
