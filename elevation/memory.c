/* Copying out of the program's memory. What is read may change right afterwards: the copy decides.
 *
 * Sources: process_vm_readv(2), proc_pid_mem(5). */
#include "elevation/internal.h"

#include <fcntl.h>
#include <sys/uio.h>

#define PAGE	   4096u /* the smallest there is: a wrong guess costs a call, not a byte */
#define PIECES	   16
#define FIRST_LOOK 256u /* nearly every path ends here */

/* One read is whole or fails by pieces, so no piece crosses a page. */
static ssize_t read_some(pid_t tid, uint64_t addr, void *out, size_t size)
{
	struct iovec local = {.iov_base = out, .iov_len = size}, remote[PIECES];
	size_t n = 0, done = 0;

	while (done < size && n < PIECES) {
		size_t piece = PAGE - (size_t)((addr + done) & (PAGE - 1));

		if (piece > size - done)
			piece = size - done;
		if (addr + done < addr)
			break;
		remote[n].iov_base = (void *)(uintptr_t)(addr + done);
		remote[n++].iov_len = piece;
		done += piece;
	}
	if (!n) {
		errno = EFAULT;
		return -1;
	}
	local.iov_len = done;
	return process_vm_readv(tid, &local, 1, remote, n, 0);
}

int memory_read(const struct call *c, uint64_t addr, void *out, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read_some(c->tid, addr + done, (char *)out + done, size - done);

		if (n <= 0) {
			if (n == 0)
				errno = EFAULT;
			return -1;
		}
		done += (size_t)n;
	}
	return 0;
}

ssize_t memory_read_string(const struct call *c, uint64_t addr, char *out, size_t size)
{
	size_t done = 0;

	while (done < size) {
		size_t want = done ? size - done : FIRST_LOOK;
		ssize_t n;
		char *end;

		if (want > size - done)
			want = size - done;
		n = read_some(c->tid, addr + done, out + done, want);
		if (n <= 0) {
			if (n == 0)
				errno = EFAULT;
			return -1;
		}
		end = memchr(out + done, '\0', (size_t)n);
		if (end)
			return end - out;
		done += (size_t)n;
	}
	errno = ENAMETOOLONG;
	return -1;
}

int memory_write(const struct elevation *e, const struct call *c, uint64_t addr, const void *p,
		 size_t size)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)c->tid);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
	/* Opened, it means one process for good: the one that waits, if that still does. */
	if (fd < 0 || addr > INT64_MAX || !call_valid(e, c) ||
	    pwrite(fd, p, size, (off_t)addr) != (ssize_t)size) {
		errno = EFAULT;
		return -1;
	}
	return 0;
}
