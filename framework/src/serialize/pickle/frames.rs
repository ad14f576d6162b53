//! The frames that protocol 4 and later put a pickle's opcodes in, so that a reader can fetch many at once.

use crate::serialize::pickle::opcode;

/// A frame is closed at the first object that begins beyond so many bytes, and bytes or text of so many go outside of frames.
const FRAME_TARGET: usize = 64 * 1024;
/// Less than this is not framed.
const FRAME_MINIMUM: usize = 4;
const FRAME_HEADER: usize = 9;

/// A pickle that is being written.
pub(super) struct Frames {
    out: Vec<u8>,
    /// Where the header of the open frame is.
    open: Option<usize>,
}

impl Frames {
    /// After the opcode PROTO, which is in no frame.
    pub(super) fn new(protocol: u8, capacity: usize) -> Self {
        let mut out = Vec::with_capacity(capacity);
        out.extend_from_slice(&[opcode::PROTO, protocol]);
        Self { out, open: None }
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.put(&[opcode::STOP]);
        self.close_frame();
        self.out
    }

    /// Bytes that may be too many for a frame.
    pub(super) fn put_bulk(&mut self, opcode: u8, length: &[u8], bytes: &[u8]) {
        if bytes.len() < FRAME_TARGET {
            self.put(&[opcode]);
            self.put(length);
            self.put(bytes);
        } else {
            self.close_frame();
            self.out.push(opcode);
            self.out.extend_from_slice(length);
            self.out.extend_from_slice(bytes);
        }
    }

    /// The place before an object, where alone a frame may end.
    pub(super) fn begin_object(&mut self) {
        if self.open.is_some_and(|start| self.out.len() - start - FRAME_HEADER >= FRAME_TARGET) {
            self.close_frame();
        }
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
        if self.open.is_none() {
            self.open = Some(self.out.len());
            self.out.extend_from_slice(&[0; FRAME_HEADER]);
        }
        self.out.extend_from_slice(bytes);
    }

    fn close_frame(&mut self) {
        let Some(start) = self.open.take() else { return };
        let body = start + FRAME_HEADER;
        let length = self.out.len() - body;
        if length < FRAME_MINIMUM {
            self.out.drain(start..body);
        } else {
            self.out[start] = opcode::FRAME;
            self.out[start + 1..body].copy_from_slice(&(length as u64).to_le_bytes());
        }
    }
}
