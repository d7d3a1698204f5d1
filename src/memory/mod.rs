//! Fallible allocation.
//!
//! Rust's collections abort the process when the system refuses them memory. A buffer whose size a request determines is
//! allocated through these functions, which return [`Error::OutOfMemory`] instead.
//!
//! A large buffer is allocated only if `HEADROOM` is left after it, because small allocations still abort.

mod spares;

use crate::error::Error;

pub use spares::Spares;

/// Bytes that must still be available after a large buffer has been allocated.
///
/// More than 32 MiB: glibc's `malloc` gives such blocks back to the system when they are freed, and does not raise its
/// threshold for doing so (`M_MMAP_THRESHOLD` in mallopt(3)).
const HEADROOM: usize = 33 << 20;

/// Buffers from this size on are large, in bytes.
const LARGE: usize = 1 << 20;

/// Replaces the content of `buffer` with `length` zeros.
///
/// New memory comes from the system as zeros and is not resident before it is written to: a header that lies about a
/// picture's size costs nothing.
///
/// # Errors
/// [`Error::OutOfMemory`]; the buffer is then empty.
pub fn zeros<T: bytemuck::Zeroable + Copy>(buffer: &mut Vec<T>, length: usize) -> Result<(), Error> {
    if buffer.capacity() >= length {
        buffer.clear();
        buffer.resize(length, T::zeroed());
        return Ok(());
    }
    // The old memory is freed first, so that both are never held at once.
    *buffer = Vec::new();
    let zeroed = bytemuck::allocation::try_zeroed_vec(length).map_err(|()| Error::OutOfMemory)?;
    // These pages are not resident yet, so giving them back without headroom costs nothing.
    headroom_behind::<T>(length)?;
    *buffer = zeroed;
    Ok(())
}

/// Sets the length of `buffer`. Old content may remain, so the caller must write all of it.
///
/// # Errors
/// [`Error::OutOfMemory`]; the buffer is then empty.
pub fn resize<T: bytemuck::Zeroable + Copy>(buffer: &mut Vec<T>, length: usize) -> Result<(), Error> {
    if buffer.capacity() < length {
        return zeros(buffer, length);
    }
    buffer.resize(length, T::zeroed());
    Ok(())
}

/// Makes room for `additional` more values in `buffer` and keeps its content.
///
/// # Errors
/// [`Error::OutOfMemory`]; the content is then unchanged.
pub fn reserve<T>(buffer: &mut Vec<T>, additional: usize) -> Result<(), Error> {
    if buffer.capacity() - buffer.len() >= additional {
        return Ok(());
    }
    let capacity = buffer.capacity();
    buffer.try_reserve_exact(additional).map_err(|_| Error::OutOfMemory)?;
    // A buffer that is refused for want of headroom must not keep what it took.
    headroom_behind::<T>(buffer.capacity()).inspect_err(|_| buffer.shrink_to(capacity))
}

/// Makes room for `additional` more values, as [`reserve`] does, and at least doubles the length where it allocates. Call
/// for a buffer that grows piece by piece, so that its content is seldom copied.
///
/// # Errors
/// [`Error::OutOfMemory`]; the content is then unchanged.
pub fn grow<T>(buffer: &mut Vec<T>, additional: usize) -> Result<(), Error> {
    if buffer.capacity() - buffer.len() >= additional {
        return Ok(());
    }
    reserve(buffer, additional.max(buffer.len()))
}

/// Checks that `bytes` and `HEADROOM` are available now, by allocating and freeing them.
///
/// Call before a library that aborts where it is refused memory. Another thread may take the memory in between: this makes
/// an abort unlikely, not impossible.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub fn probe(bytes: usize) -> Result<(), Error> {
    let mut block = Vec::<u8>::new();
    // In whole MiB: what is probed for is an estimate.
    let bytes = bytes.checked_next_multiple_of(LARGE).unwrap_or(usize::MAX);
    let taken = block.try_reserve_exact(bytes.saturating_add(HEADROOM));
    // Without this, the compiler may leave out both the allocation and its failure.
    std::hint::black_box(&mut block);
    taken.map_err(|_| Error::OutOfMemory)
}

/// The bytes that a buffer takes, used or not.
pub fn held<T>(buffer: &Vec<T>) -> usize {
    buffer.capacity().saturating_mul(size_of::<T>())
}

fn headroom_behind<T>(length: usize) -> Result<(), Error> {
    if length.saturating_mul(size_of::<T>()) < LARGE { Ok(()) } else { probe(0) }
}

/// Returns the free memory of the heap to the system. glibc keeps what lies between blocks in use: the weights of models that
/// came and went left it a quarter larger after a hundred of them. Takes some milliseconds.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "a function of the C library")]
pub fn give_back() {
    // SAFETY: malloc_trim(3) may be called at any time by any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Returns the end of this thread's heap to the system, where it is free. [`give_back`] leaves it: `malloc_trim` shortens no
/// heap but the first. glibc has one for eight threads or fewer, and looks at a heap's end when it frees 64 KiB in it
/// (`FASTBIN_CONSOLIDATION_THRESHOLD` in its `malloc.c`).
pub fn give_back_of_thread() {
    let mut block = Vec::<u8>::new();
    // Without black_box, the compiler may leave out the block. A refusal is ignored: there is nothing to be had then.
    let _ = std::hint::black_box(&mut block).try_reserve_exact(LARGE / 2);
}

/// Takes the pages of a constant of the executable out of this process' memory. The system reads them anew from the file if
/// they are asked for again.
#[cfg(all(feature = "embed", target_os = "linux"))]
#[expect(unsafe_code, reason = "a call of the system")]
pub fn forget(constant: &'static [u8]) {
    let page = rustix::param::page_size();
    let range = constant.as_ptr_range();
    // Whole pages, so that nothing beside it is touched.
    let (start, end) = (range.start.align_offset(page), range.end as usize % page);
    let Some(length) = constant.len().checked_sub(start + end) else { return };
    // SAFETY: the pages are those of a constant, which nothing writes to. For a private mapping of a file, madvise(2) says of
    // MADV_DONTNEED that later accesses see the file's content again.
    // A refusal is ignored: the call only saves memory.
    let _ = unsafe {
        rustix::mm::madvise(constant[start..].as_ptr().cast_mut().cast(), length, rustix::mm::Advice::LinuxDontNeed)
    };
}

/// Other systems have no such call.
#[cfg(all(feature = "embed", not(target_os = "linux")))]
pub fn forget(_: &'static [u8]) {}

/// Other C libraries than glibc have no such function.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_back() {}

#[cfg(test)]
mod tests {
    use super::*;

    /// More than any address space has.
    const TOO_MUCH: usize = isize::MAX as usize - (64 << 20);

    #[test]
    fn what_can_not_be_had_is_an_error() {
        let mut buffer = vec![1_u8; 10];
        assert_eq!(reserve(&mut buffer, TOO_MUCH), Err(Error::OutOfMemory));
        assert_eq!(buffer, [1; 10]);
        assert_eq!(resize(&mut buffer, TOO_MUCH), Err(Error::OutOfMemory));
        assert_eq!(zeros(&mut buffer, TOO_MUCH), Err(Error::OutOfMemory));
        assert_eq!(zeros(&mut Vec::<i32>::new(), TOO_MUCH), Err(Error::OutOfMemory));
        assert!(buffer.is_empty());
        assert_eq!(probe(TOO_MUCH), Err(Error::OutOfMemory));
        assert_eq!(probe(usize::MAX), Err(Error::OutOfMemory));
    }

    #[test]
    fn a_growing_buffer_is_seldom_copied() {
        let (mut buffer, mut allocations) = (Vec::<u8>::new(), 0);
        for _ in 0..100_000 {
            let capacity = buffer.capacity();
            grow(&mut buffer, 10).unwrap();
            allocations += usize::from(buffer.capacity() != capacity);
            buffer.extend_from_slice(&[0; 10]);
        }
        assert!(allocations < 25, "{allocations}");
        assert_eq!(grow(&mut buffer, TOO_MUCH), Err(Error::OutOfMemory));
        assert_eq!(buffer.len(), 1_000_000);
    }

    #[test]
    fn zeros_leave_nothing_of_what_was_there() {
        let mut buffer = vec![7_u8; 100];
        zeros(&mut buffer, 50).unwrap();
        assert_eq!(buffer, [0; 50]);
        resize(&mut buffer, 60).unwrap();
        zeros(&mut buffer, 3 << 20).unwrap();
        assert!(buffer.len() == 3 << 20 && buffer.iter().all(|byte| *byte == 0));
    }

    #[test]
    fn what_a_buffer_holds_is_its_capacity_in_bytes() {
        let mut buffer = Vec::<u32>::new();
        assert_eq!(held(&buffer), 0);
        reserve(&mut buffer, 1000).unwrap();
        buffer.push(1);
        assert_eq!(held(&buffer), 4000);
    }
}
