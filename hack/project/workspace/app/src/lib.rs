//! What the program and its example say.

pub fn describe(tree: &model::Tree) -> String {
    format!("{} {} {:.1} m", model::Tree::NAME, tree.name, tree.metres)
}
