//! The names by which clients ask for the model.

use std::sync::Arc;

/// What a name of the model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Picture files, or the tensor.
    Picture,
    /// The tensor alone: the model's input, already scaled.
    Tensor,
}

impl Form {
    /// Every form.
    pub const ALL: [Self; 2] = [Self::Picture, Self::Tensor];
}

/// The ending of the name that takes the tensor alone.
const TENSOR: &str = "-tensor";

/// The version of every model: a server has one.
pub const VERSION: &str = "1";

/// The name of the model that the operator chose, and its own, which stays an alias. Each has a second form that ends in `-tensor`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    chosen: Arc<str>,
    own: Arc<str>,
}

impl Names {
    /// The names of a model that calls itself `own`.
    pub fn new(own: &str, chosen: Option<&str>) -> Self {
        Self { chosen: chosen.unwrap_or(own).into(), own: own.into() }
    }

    /// The name of a form.
    pub fn of(&self, form: Form) -> String {
        match form {
            Form::Picture => self.chosen.to_string(),
            Form::Tensor => format!("{}{TENSOR}", self.chosen),
        }
    }

    /// The form that a client asks for by `name`; `None` if the model has no such name.
    pub fn find(&self, name: &str) -> Option<Form> {
        let is_known = |name: &str| name == &*self.chosen || name == &*self.own;
        if is_known(name) {
            return Some(Form::Picture);
        }
        name.strip_suffix(TENSOR).filter(|name| is_known(name)).map(|_| Form::Tensor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chosen_name_leaves_an_alias() {
        let names = Names::new("MobileNetV2", Some("animals"));
        assert_eq!((names.of(Form::Picture), names.of(Form::Tensor)), ("animals".into(), "animals-tensor".into()));
        for (name, form) in [
            ("animals", Some(Form::Picture)),
            ("MobileNetV2", Some(Form::Picture)),
            ("animals-tensor", Some(Form::Tensor)),
            ("MobileNetV2-tensor", Some(Form::Tensor)),
            ("mobilenetv2", None),
            ("-tensor", None),
            ("", None),
        ] {
            assert_eq!(names.find(name), form, "{name}");
        }
        assert_eq!(Names::new("a", None).of(Form::Picture), "a");
        // A name that ends as the tensor's does is still the model's own.
        assert_eq!(Names::new("a-tensor", None).find("a-tensor"), Some(Form::Picture));
    }
}
