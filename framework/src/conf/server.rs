//! `SERVER_*`: nuages' own, since Django leaves serving to others.

use std::time::Duration;

crate::setting_choice! {
    /// When requests are logged, each by a line as Django's `runserver` writes it.
    pub enum AccessLogs {
        /// While `DEBUG` is on.
        Debug = "debug",
        /// Always.
        Always = "always",
        /// Never.
        Never = "never",
    }
}

crate::settings_section! {
    /// The limits of the server. None of them is Django's; times are in seconds.
    pub struct ServerSettings, prefix "SERVER_" {
        /// `SERVER_HEAD_TIMEOUT`: how long a client may take to send a request's line and headers.
        head_timeout: Duration = Duration::from_secs(10),
        /// `SERVER_HEAD_MAX_SIZE`: how many bytes they may be.
        head_max_size: usize = 65_536,
        /// `SERVER_HEAD_MAX_FIELDS`: how many headers there may be.
        head_max_fields: usize = 100,
        /// `SERVER_BODY_MAX_SIZE`: how many bytes the body of a request may be, its files and the boundaries between them
        /// included; `None`: any, as in Django, where files have no limit. The other limits of forms hold besides.
        body_max_size: Option<usize> = None,
        /// `SERVER_BODY_TIMEOUT`: how long a client may let the server wait for the next piece of a body.
        body_timeout: Duration = Duration::from_secs(30),
        /// `SERVER_BODY_MIN_RATE`: bytes a second that a client must keep up besides, once `SERVER_BODY_TIMEOUT` is used
        /// up: one byte now and then holds no worker for ever.
        body_min_rate: u32 = 500,
        /// `SERVER_IDLE_TIMEOUT`: how long a connection may stay open between two requests.
        idle_timeout: Duration = Duration::from_secs(75),
        /// `SERVER_WRITE_TIMEOUT`: how long a client may take to accept the next piece of a response.
        write_timeout: Duration = Duration::from_secs(30),
        /// `SERVER_WRITE_MIN_RATE`: bytes a second that a client must take besides, once `SERVER_WRITE_TIMEOUT` is used up in
        /// waiting for it.
        write_min_rate: u32 = 500,
        /// `SERVER_DRAIN_TIME`: how long requests under way may go on after the server was told to end.
        drain_time: Duration = Duration::from_secs(30),
        /// `SERVER_MAX_CONNECTIONS`: how many connections may be open at once; further ones wait to be accepted.
        max_connections: usize = 10_000,
        /// `SERVER_WORKER_THREADS`: how many threads run the site; `None`: one for each core.
        worker_threads: Option<usize> = None,
        /// `SERVER_ACCESS_LOG`: when each request leaves a line on standard error.
        access_log: AccessLogs = AccessLogs::Debug,
    }
}
