use std::str::FromStr;

use clap::Args;

use super::list;

/// The routes of other servers, and the variables by which Vertex AI tells a container its own.
#[derive(Args, Clone, Debug)]
pub struct AdapterOptions {
    /// Adapters for clients of other servers, separated by commas: huggingface, tensorflow (KServe V1 and Vertex
    /// AI too), sagemaker; or none
    #[arg(long, env, hide_env_values = true, default_value = "huggingface,tensorflow,sagemaker", value_parser = Names::from_str)]
    pub adapters: Names,

    /// Port that Vertex AI chooses; it counts where LISTEN_ADDR is not set
    #[arg(long, env, hide_env_values = true)]
    pub aip_http_port: Option<u16>,

    /// Path of health checks that Vertex AI chooses
    #[arg(long, env, hide_env_values = true, value_parser = path)]
    pub aip_health_route: Option<String>,

    /// Path of predictions that Vertex AI chooses
    #[arg(long, env, hide_env_values = true, value_parser = path)]
    pub aip_predict_route: Option<String>,
}

/// The adapters that are on, and the paths of Vertex AI's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adapters {
    /// Hugging Face's.
    pub hugging_face: bool,
    /// TensorFlow Serving's, `KServe`'s first protocol and Vertex AI's.
    pub tensorflow: bool,
    /// Amazon `SageMaker`'s.
    pub sagemaker: bool,
    /// The path of health checks that Vertex AI chooses.
    pub health_route: Option<String>,
    /// The path of predictions that Vertex AI chooses.
    pub predict_route: Option<String>,
}

/// A list of adapters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names {
    hugging_face: bool,
    tensorflow: bool,
    sagemaker: bool,
}

impl AdapterOptions {
    /// The adapters that are on.
    pub fn adapters(&self) -> Adapters {
        let Names { hugging_face, tensorflow, sagemaker } = self.adapters;
        let (health_route, predict_route) = (self.aip_health_route.clone(), self.aip_predict_route.clone());
        Adapters { hugging_face, tensorflow, sagemaker, health_route, predict_route }
    }
}

impl FromStr for Names {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut names = Self { hugging_face: false, tensorflow: false, sagemaker: false };
        let mut is_empty = true;
        for name in list(text) {
            is_empty = false;
            match name {
                "huggingface" => names.hugging_face = true,
                "tensorflow" => names.tensorflow = true,
                "sagemaker" => names.sagemaker = true,
                "none" => {}
                _ => return Err(expected()),
            }
        }
        if is_empty { Err(expected()) } else { Ok(names) }
    }
}

fn expected() -> String {
    "expected none, or some of huggingface, tensorflow and sagemaker, separated by commas".to_owned()
}

/// A path without parameters.
fn path(text: &str) -> Result<String, String> {
    let is_usual = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./~:".contains(&byte);
    let fits = text.starts_with('/') && text.len() > 1 && text.bytes().all(is_usual);
    if fits { Ok(text.to_owned()) } else { Err("expected a path such as /predict".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adapters_are_listed() {
        let names = |text: &str| text.parse::<Names>().map(|it| [it.hugging_face, it.tensorflow, it.sagemaker]);
        assert_eq!(names("huggingface, sagemaker"), Ok([true, false, true]));
        assert_eq!(names("tensorflow"), Ok([false, true, false]));
        assert_eq!(names("none"), Ok([false; 3]));
        for text in ["", ",", "torchserve", "huggingface;tensorflow"] {
            assert!(names(text).is_err(), "{text}");
        }
    }

    #[test]
    fn paths_are_paths() {
        assert_eq!(path("/v1/endpoints/7/predict").as_deref(), Ok("/v1/endpoints/7/predict"));
        for text in ["", "/", "predict", "/{a}", "/a b", "/*a"] {
            assert!(path(text).is_err(), "{text}");
        }
    }
}
