/* Low numbers for what waits by select(): kept from the start, handed out when all others are taken, and never anybody else's. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/descriptors.h"
#include "lib/error.h"

static int opened(void)
{
        int fd = open("/", O_PATH | O_CLOEXEC);
        g_assert_cmpint(fd, >=, 0);
        return fd;
}

static bool is_folder(int fd)
{
        struct stat what;
        return fstat(fd, &what) == 0 && S_ISDIR(what.st_mode);
}

static void fill(void)
{
        int fd = 0;
        while (fd < FD_SETSIZE)
                fd = opened();
        close(fd);
}

/* As long as there is room the number that came is the one. */
static void test_room(void)
{
        g_autoptr(GError) error = NULL;
        int fd = opened(), low = tb_descriptors_low_take(fd, &error);
        g_assert_no_error(error);
        g_assert_cmpint(low, ==, fd);
        tb_descriptors_low_close(low);
        g_assert_cmpint(fcntl(low, F_GETFD), <, 0);
        tb_descriptors_low_close(-1);
}

static void test_crowd(void)
{
        g_autoptr(GError) error = NULL;
        int low[2];

        fill();
        for (guint i = 0; i < G_N_ELEMENTS(low); i++) {
                int fd = opened();
                g_assert_cmpint(fd, >=, FD_SETSIZE);
                low[i] = tb_descriptors_low_take(fd, &error);
                g_assert_no_error(error);
                g_assert_cmpint(low[i], <, FD_SETSIZE);
                g_assert_true(is_folder(low[i]));
                g_assert_cmpint(fcntl(fd, F_GETFD), <, 0); /* the other number for it is closed */
        }
        g_assert_cmpint(low[0], !=, low[1]);
        int third = opened();
        g_assert_cmpint(tb_descriptors_low_take(third, &error), ==, -1);
        g_assert_error(error, TB_ERROR, TB_ERROR_UNAVAILABLE);
        g_assert_nonnull(strstr(error->message, "too many devices"));
        g_assert_cmpint(fcntl(third, F_GETFD), <, 0);

        /* what is given back is closed, and the number is nobody else's */
        tb_descriptors_low_close(low[0]);
        g_assert_false(is_folder(low[0]));
        g_assert_cmpint(fcntl(low[0], F_GETFD), ==, FD_CLOEXEC);
        g_clear_error(&error);
        g_assert_cmpint(tb_descriptors_low_take(opened(), &error), ==, low[0]);
        g_assert_no_error(error);
}

static void test_none(void)
{
        g_autoptr(GError) error = NULL;
        int fd = open("/nowhere/at/all", O_RDONLY | O_CLOEXEC);
        g_assert_cmpint(tb_descriptors_low_take(fd, &error), ==, -1);
        g_assert_error(error, TB_ERROR, TB_ERROR_UNAVAILABLE);
        g_assert_nonnull(strstr(error->message, "No such file"));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_descriptors_init();
        tb_descriptors_keep_low(2);
        g_test_add_func("/descriptors-low/room", test_room);
        g_test_add_func("/descriptors-low/none", test_none);
        g_test_add_func("/descriptors-low/crowd", test_crowd);
        return g_test_run();
}
