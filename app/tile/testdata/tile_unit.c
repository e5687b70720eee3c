/*
 * The CPU's own tile products, one case after the other. From standard input: the product's number, 63 bytes of nothing,
 * LDTILECFG's 64 bytes, and 1024 bytes each of C, A and B. To standard output: what was refused, 63 bytes of nothing, and
 * 1024 bytes of C as TILESTORED leaves them. C is tile 0, A tile 1, B tile 2. Ends with 2 where the kernel gives no tiles.
 */
#include <immintrin.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARCH_REQ_XCOMP_PERM 0x1023
#define XFEATURE_XTILEDATA 18

enum at { IN_NOTHING, IN_CONFIG, IN_LOAD, IN_PRODUCT };

static sigjmp_buf back;

static void on_fault(int number)
{
	siglongjmp(back, number);
}

static int whole(int write_it, void *bytes, size_t count)
{
	char *at = bytes;

	while (count > 0) {
		ssize_t done = write_it ? write(1, at, count) : read(0, at, count);

		if (done <= 0)
			return 0;
		at += done;
		count -= (size_t)done;
	}
	return 1;
}

int main(void)
{
	static struct {
		uint8_t product, nothing[63];
		uint8_t config[64];
		uint8_t c[1024], a[1024], b[1024];
	} in __attribute__((aligned(64)));
	static struct {
		uint8_t refused, nothing[63];
		uint8_t c[1024];
	} out __attribute__((aligned(64)));
	struct sigaction action = { .sa_handler = on_fault };

	if (syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) != 0)
		return 2;
	(void)sigaction(SIGILL, &action, NULL);
	(void)sigaction(SIGSEGV, &action, NULL);
	while (whole(0, &in, sizeof(in))) {
		volatile enum at at = IN_CONFIG;

		memset(&out, 0, sizeof(out));
		if (sigsetjmp(back, 1) == 0) {
			_tile_loadconfig(in.config);
			at = IN_LOAD;
			_tile_loadd(0, in.c, 64);
			_tile_loadd(1, in.a, 64);
			_tile_loadd(2, in.b, 64);
			at = IN_PRODUCT;
			switch (in.product) {
			case 0:
				_tile_dpbssd(0, 1, 2);
				break;
			case 1:
				_tile_dpbsud(0, 1, 2);
				break;
			case 2:
				_tile_dpbusd(0, 1, 2);
				break;
			case 3:
				_tile_dpbuud(0, 1, 2);
				break;
			default:
				_tile_dpbf16ps(0, 1, 2);
			}
			at = IN_NOTHING;
			_tile_stored(0, out.c, 64);
		} else {
			out.refused = (uint8_t)at;
		}
		if (!whole(1, &out, sizeof(out)))
			return 1;
	}
	return 0;
}
