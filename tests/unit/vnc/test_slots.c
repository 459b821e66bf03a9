/* What VNC expects of libvncserver's inside, and what happens when it is not so. */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/vnc/slots.h"

static void test_as_proven(void)
{
        g_autoptr(GError) error = NULL;
        g_assert_cmpstr(LIBVNCSERVER_VERSION, ==, TB_VNC_PROVEN); /* an upgrade: look at docs/UPSTREAM.md */
        TbVncSlots *slots = tb_vnc_slots_new(2, &error);
        g_assert_no_error(error);
        g_assert_null(tb_vnc_slots_problem(slots));
        g_assert_cmpuint(tb_vnc_slots_idle(slots), ==, 2);
        for (int i = 0; i < 3; i++) { /* again and again with the same descriptor */
                int pair[2];
                g_autoptr(GByteArray) init = g_byte_array_new();
                g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
                TbVncSlot *slot = tb_vnc_slots_take(slots);
                int fd = slot->fd;
                g_assert_true(tb_vnc_slot_adopt(slot, pair[0], init, &error));
                g_assert_cmpuint(init->len, >=, 24); /* ServerInit: RFC 6143, 7.3.2 */
                tb_vnc_slot_drop(slot);
                g_assert_cmpint(slot->fd, ==, fd);
                g_assert_cmpint(fcntl(fd, F_GETFD), >=, 0);
                tb_vnc_slots_give(slots, slot);
                close(pair[1]);
        }
        tb_vnc_slots_free(slots);
}

/* The trial cannot have its sockets: nobody gets a slot, and the reason is there. */
static void test_does_not_work(void)
{
        g_autoptr(GError) error = NULL;
        struct rlimit was, one;
        int next = dup(0);
        close(next);
        g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &was), ==, 0);
        one = was;
        one.rlim_cur = (rlim_t)next + 1; /* the slot's own */
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &one), ==, 0);
        TbVncSlots *slots = tb_vnc_slots_new(1, &error);
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &was), ==, 0);
        g_assert_no_error(error);
        g_assert_nonnull(tb_vnc_slots_problem(slots));
        g_assert_cmpuint(tb_vnc_slots_idle(slots), ==, 0);
        g_assert_null(tb_vnc_slots_take(slots));
        tb_vnc_slots_free(slots);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/vnc/slots/as-proven", test_as_proven);
        g_test_add_func("/vnc/slots/does-not-work", test_does_not_work);
        return g_test_run();
}
