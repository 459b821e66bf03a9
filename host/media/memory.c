#include "host/media/memory.h"

#include <glib.h>
#include <malloc.h>
#include <sys/prctl.h>

/* GLib before 2.76 takes small blocks from slices, whose pages it never gives back: 106 MB after 150 viewers
 * instead of 73, and no faster than today's malloc [measured]. It listens to this only before its own
 * constructors run, hence .preinit_array; from 2.76 on there are no slices, and the call does nothing. */
G_GNUC_BEGIN_IGNORE_DEPRECATIONS
__attribute__((no_sanitize("address", "thread"))) static void without_slices(void)
{
        g_slice_set_config(G_SLICE_CONFIG_ALWAYS_MALLOC, TRUE);
}
G_GNUC_END_IGNORE_DEPRECATIONS

__attribute__((section(".preinit_array"), used)) static void (*const before_glib)(void) = without_slices;

void tb_memory_lean(void)
{
        /* A peer has a dozen threads, and glibc would give each an arena that never shrinks: 100 MB after 60
         * viewers instead of 64 [measured] */
        mallopt(M_ARENA_MAX, 2);
        /* glibc raises the size from which it maps blocks of their own up to 32 MB, after the first picture
         * that is freed; later ones would then leave holes in the heap: 75 MB after 40 viewers instead of 38
         * [measured] */
        mallopt(M_MMAP_THRESHOLD, 512 * 1024);
        /* x264 asks for huge pages: of each of its buffers that begins to be used 2 MB are there at once, most for bits that
         * never come. Eight screens that are recorded at 720p: 311 MB with them, 242 MB without [measured]. What the
         * host starts for others has them again (drivers/transport/child.c) */
        prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
}
