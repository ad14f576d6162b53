//! The content type of a file by its name: Python's own table (Python 3.12 `mimetypes`), whatever the machine says.

/// What a file's name says about its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileType {
    /// The media type, when the name's ending is known.
    pub content_type: Option<&'static str>,
    /// The coding on top of it: `gzip` of a `.tar.gz`.
    pub encoding: Option<&'static str>,
}

/// The type of the file of that name (Python's `mimetypes.guess_type`).
///
/// ```
/// use nuages::http::mime_types::guess_type;
///
/// assert_eq!(guess_type("tune/nuages.css").content_type, Some("text/css"));
/// let archive = guess_type("archive.tgz");
/// assert_eq!((archive.content_type, archive.encoding), (Some("application/x-tar"), Some("gzip")));
/// assert_eq!(guess_type("README").content_type, None);
/// ```
#[must_use]
pub fn guess_type(name: &str) -> FileType {
    let (mut base, mut ending) = split(name);
    // A short name of two endings stands for both (`svgz` for `svg.gz`).
    let lower = ending.to_ascii_lowercase();
    let short = SHORT.iter().find(|(short, _, _)| *short == lower);
    let expanded;
    if let Some((_, inner, outer)) = short {
        expanded = format!("{base}.{inner}");
        (base, ending) = (&expanded, outer);
    }
    // The codings are told apart by case: `.Z` is one and `.z` is none.
    let encoding = ENCODINGS.iter().find(|(known, _)| *known == ending).map(|(_, encoding)| *encoding);
    if encoding.is_some() {
        (_, ending) = split(base);
    }
    let ending = ending.to_ascii_lowercase();
    let content_type = TYPES.binary_search_by(|(known, _)| (*known).cmp(&ending)).ok().map(|at| TYPES[at].1);
    FileType { content_type, encoding }
}

/// The name without its last ending, and the ending without its dot (Python's `posixpath.splitext`).
fn split(name: &str) -> (&str, &str) {
    let start = name.rfind('/').map_or(0, |slash| slash + 1);
    let leading = name[start..].len() - name[start..].trim_start_matches('.').len();
    match name[start + leading..].rfind('.') {
        Some(dot) => {
            let dot = start + leading + dot;
            (&name[..dot], &name[dot + 1..])
        }
        None => (name, ""),
    }
}

const SHORT: &[(&str, &str, &str)] = &[
    ("svgz", "svg", "gz"),
    ("taz", "tar", "gz"),
    ("tbz2", "tar", "bz2"),
    ("tgz", "tar", "gz"),
    ("txz", "tar", "xz"),
    ("tz", "tar", "gz"),
];

const ENCODINGS: &[(&str, &str)] =
    &[("Z", "compress"), ("br", "br"), ("bz2", "bzip2"), ("gz", "gzip"), ("xz", "xz")];

/// By ending, in order.
const TYPES: &[(&str, &str)] = &[
    ("3g2", "audio/3gpp2"),
    ("3gp", "audio/3gpp"),
    ("3gpp", "audio/3gpp"),
    ("3gpp2", "audio/3gpp2"),
    ("a", "application/octet-stream"),
    ("aac", "audio/aac"),
    ("adts", "audio/aac"),
    ("ai", "application/postscript"),
    ("aif", "audio/x-aiff"),
    ("aifc", "audio/x-aiff"),
    ("aiff", "audio/x-aiff"),
    ("ass", "audio/aac"),
    ("au", "audio/basic"),
    ("avi", "video/x-msvideo"),
    ("avif", "image/avif"),
    ("bat", "text/plain"),
    ("bcpio", "application/x-bcpio"),
    ("bin", "application/octet-stream"),
    ("bmp", "image/bmp"),
    ("c", "text/plain"),
    ("cdf", "application/x-netcdf"),
    ("cpio", "application/x-cpio"),
    ("csh", "application/x-csh"),
    ("css", "text/css"),
    ("csv", "text/csv"),
    ("dll", "application/octet-stream"),
    ("doc", "application/msword"),
    ("dot", "application/msword"),
    ("dvi", "application/x-dvi"),
    ("eml", "message/rfc822"),
    ("eps", "application/postscript"),
    ("etx", "text/x-setext"),
    ("exe", "application/octet-stream"),
    ("gif", "image/gif"),
    ("gtar", "application/x-gtar"),
    ("h", "text/plain"),
    ("h5", "application/x-hdf5"),
    ("hdf", "application/x-hdf"),
    ("heic", "image/heic"),
    ("heif", "image/heif"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("ico", "image/vnd.microsoft.icon"),
    ("ief", "image/ief"),
    ("jpe", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript"),
    ("json", "application/json"),
    ("ksh", "text/plain"),
    ("latex", "application/x-latex"),
    ("loas", "audio/aac"),
    ("m1v", "video/mpeg"),
    ("m3u", "application/vnd.apple.mpegurl"),
    ("m3u8", "application/vnd.apple.mpegurl"),
    ("man", "application/x-troff-man"),
    ("me", "application/x-troff-me"),
    ("mht", "message/rfc822"),
    ("mhtml", "message/rfc822"),
    ("mif", "application/x-mif"),
    ("mjs", "text/javascript"),
    ("mov", "video/quicktime"),
    ("movie", "video/x-sgi-movie"),
    ("mp2", "audio/mpeg"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("mpa", "video/mpeg"),
    ("mpe", "video/mpeg"),
    ("mpeg", "video/mpeg"),
    ("mpg", "video/mpeg"),
    ("ms", "application/x-troff-ms"),
    ("n3", "text/n3"),
    ("nc", "application/x-netcdf"),
    ("nq", "application/n-quads"),
    ("nt", "application/n-triples"),
    ("nws", "message/rfc822"),
    ("o", "application/octet-stream"),
    ("obj", "application/octet-stream"),
    ("oda", "application/oda"),
    ("opus", "audio/opus"),
    ("p12", "application/x-pkcs12"),
    ("p7c", "application/pkcs7-mime"),
    ("pbm", "image/x-portable-bitmap"),
    ("pdf", "application/pdf"),
    ("pfx", "application/x-pkcs12"),
    ("pgm", "image/x-portable-graymap"),
    ("pl", "text/plain"),
    ("png", "image/png"),
    ("pnm", "image/x-portable-anymap"),
    ("pot", "application/vnd.ms-powerpoint"),
    ("ppa", "application/vnd.ms-powerpoint"),
    ("ppm", "image/x-portable-pixmap"),
    ("pps", "application/vnd.ms-powerpoint"),
    ("ppt", "application/vnd.ms-powerpoint"),
    ("ps", "application/postscript"),
    ("pwz", "application/vnd.ms-powerpoint"),
    ("py", "text/x-python"),
    ("pyc", "application/x-python-code"),
    ("pyo", "application/x-python-code"),
    ("qt", "video/quicktime"),
    ("ra", "audio/x-pn-realaudio"),
    ("ram", "application/x-pn-realaudio"),
    ("ras", "image/x-cmu-raster"),
    ("rdf", "application/xml"),
    ("rgb", "image/x-rgb"),
    ("roff", "application/x-troff"),
    ("rtx", "text/richtext"),
    ("sgm", "text/x-sgml"),
    ("sgml", "text/x-sgml"),
    ("sh", "application/x-sh"),
    ("shar", "application/x-shar"),
    ("snd", "audio/basic"),
    ("so", "application/octet-stream"),
    ("src", "application/x-wais-source"),
    ("srt", "text/plain"),
    ("sv4cpio", "application/x-sv4cpio"),
    ("sv4crc", "application/x-sv4crc"),
    ("svg", "image/svg+xml"),
    ("swf", "application/x-shockwave-flash"),
    ("t", "application/x-troff"),
    ("tar", "application/x-tar"),
    ("tcl", "application/x-tcl"),
    ("tex", "application/x-tex"),
    ("texi", "application/x-texinfo"),
    ("texinfo", "application/x-texinfo"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("tr", "application/x-troff"),
    ("trig", "application/trig"),
    ("tsv", "text/tab-separated-values"),
    ("txt", "text/plain"),
    ("ustar", "application/x-ustar"),
    ("vcf", "text/x-vcard"),
    ("vtt", "text/vtt"),
    ("wasm", "application/wasm"),
    ("wav", "audio/x-wav"),
    ("webm", "video/webm"),
    ("webmanifest", "application/manifest+json"),
    ("wiz", "application/msword"),
    ("wsdl", "application/xml"),
    ("xbm", "image/x-xbitmap"),
    ("xlb", "application/vnd.ms-excel"),
    ("xls", "application/vnd.ms-excel"),
    ("xml", "text/xml"),
    ("xpdl", "application/xml"),
    ("xpm", "image/x-xpixmap"),
    ("xsl", "application/xml"),
    ("xwd", "image/x-xwindowdump"),
    ("zip", "application/zip"),
];

#[cfg(test)]
mod tests {
    use super::{TYPES, guess_type};

    #[test]
    fn the_table_is_in_order() {
        assert!(TYPES.is_sorted_by(|one, other| one.0 < other.0));
    }

    /// Against Python's own answers.
    #[test]
    fn types_are_pythons() {
        let path = format!("{}/../tests/vectors/mime_types.json", env!("CARGO_MANIFEST_DIR"));
        let file: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let cases = file["cases"].as_array().unwrap();
        assert!(cases.len() > 150);
        for case in cases {
            let found = guess_type(case["name"].as_str().unwrap());
            assert_eq!(
                (found.content_type, found.encoding),
                (case["out"][0].as_str(), case["out"][1].as_str()),
                "{case}"
            );
        }
    }
}
