/* client.c - the side of a phone tool that runs in the shell: ask the main process, print what it says (see
 * tool.h) */
#include "tests/sim/android/tool.h"

#include <cairo.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

bool sim_write_all(int fd, const void *data, size_t len)
{
        const char *p = data;

        while (len > 0) {
                ssize_t n = write(fd, p, len);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return false;
                p += n;
                len -= (size_t)n;
        }
        return true;
}

static bool read_all(int fd, void *data, size_t len)
{
        char *p = data;

        while (len > 0) {
                ssize_t n = read(fd, p, len);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return false;
                p += n;
                len -= (size_t)n;
        }
        return true;
}

static int dial(void)
{
        const char *name = g_getenv(SIM_TOOL_ENV);
        struct sockaddr_un addr = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (name == NULL || strlen(name) + 2 > sizeof(addr.sun_path) || fd < 0)
                return -1;
        memcpy(addr.sun_path + 1, name, strlen(name));
        if (connect(fd, (struct sockaddr *)&addr,
                    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name))) < 0)
                return -1;
        return fd;
}

int sim_client_ask(int argc, char **argv, GByteArray *out)
{
        g_autoptr(GByteArray) request = g_byte_array_new();
        g_autofree char *cwd = g_get_current_dir();
        guint32 len = 0;
        int fd = dial();

        g_byte_array_append(request, (guint8 *)&len, 4);
        g_byte_array_append(request, (guint8 *)cwd, (guint)strlen(cwd) + 1);
        for (int i = 0; i < argc; i++)
                g_byte_array_append(request, (guint8 *)argv[i], (guint)strlen(argv[i]) + 1);
        len = GUINT32_TO_LE(request->len - 4);
        memcpy(request->data, &len, 4);
        if (fd < 0 || !sim_write_all(fd, request->data, request->len)) {
                fprintf(stderr, "%s: the simulated phone does not answer\n", argv[0]);
                return -1;
        }
        for (;;) {
                guint8 kind, code, chunk[65536];

                if (!read_all(fd, &kind, 1) || !read_all(fd, &len, 4))
                        return -1;
                len = GUINT32_FROM_LE(len);
                if (kind == SIM_EXIT)
                        return len == 1 && read_all(fd, &code, 1) ? code : -1;
                while (len > 0) {
                        guint32 n = MIN(len, (guint32)sizeof(chunk));

                        if (!read_all(fd, chunk, n))
                                return -1;
                        if (kind == SIM_OUT && out != NULL)
                                g_byte_array_append(out, chunk, n);
                        else if (!sim_write_all(kind == SIM_OUT ? 1 : 2, chunk, n))
                                return 141; /* nobody reads us any more */
                        len -= n;
                }
        }
}

/* --- screencap --- */

static cairo_status_t put_png(void *closure, const unsigned char *data, unsigned int len)
{
        return sim_write_all(*(int *)closure, data, len) ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

static int write_png(int fd, const guint8 *rgba, int width, int height)
{
        cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
        guint8 *pixels = cairo_image_surface_get_data(surface);
        int stride = cairo_image_surface_get_stride(surface);

        for (int y = 0; y < height; y++)
                for (int x = 0; x < width; x++, rgba += 4) {
                        guint32 rgb = (guint32)rgba[0] << 16 | (guint32)rgba[1] << 8 | rgba[2];

                        memcpy(pixels + (gsize)y * (gsize)stride + (gsize)x * 4, &rgb, 4);
                }
        cairo_surface_mark_dirty(surface);
        cairo_status_t status = cairo_surface_write_to_png_stream(surface, put_png, &fd);
        cairo_surface_destroy(surface);
        return status == CAIRO_STATUS_SUCCESS ? 0 : 1;
}

/* screencap [-hp] [-d display] [file]; a name that ends in .png means -p */
int sim_client_screencap(int argc, char **argv)
{
        g_autoptr(GByteArray) picture = g_byte_array_new();
        char *ask[] = {(char *)"sim-picture", NULL};
        const char *file = NULL;
        bool png = false;
        int fd = 1;

        for (int i = 1; i < argc; i++) {
                if (strcmp(argv[i], "-p") == 0) {
                        png = true;
                } else if (strcmp(argv[i], "-d") == 0 && i + 1 < argc) {
                        i++;
                } else if (argv[i][0] == '-') {
                        fprintf(stderr, "usage: screencap [-p] [-d display-id] [FILENAME]\n");
                        return 1;
                } else {
                        file = argv[i];
                        png = png || g_str_has_suffix(file, ".png");
                }
        }
        if (sim_client_ask(1, ask, picture) != 0 || picture->len < 8)
                return 1;
        guint32 size[2];
        memcpy(size, picture->data, sizeof(size));
        guint32 width = GUINT32_FROM_LE(size[0]), height = GUINT32_FROM_LE(size[1]);
        if (picture->len != 8 + (guint64)width * height * 4)
                return 1;
        if (file != NULL && (fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) < 0) {
                fprintf(stderr, "Error opening file: %s (%s)\n", file, strerror(errno));
                return 1;
        }
        if (png)
                return write_png(fd, picture->data + 8, (int)width, (int)height);
        guint32 head[4] = {size[0], size[1], GUINT32_TO_LE(1), GUINT32_TO_LE(1)}; /* RGBA_8888, sRGB */
        return sim_write_all(fd, head, sizeof(head)) && sim_write_all(fd, picture->data + 8, picture->len - 8)
                       ? 0
                       : 1;
}

int sim_client_cmd(int argc, char **argv)
{
        static char pm[] = "pm";

        if (argc > 1 && strcmp(argv[1], "package") == 0) {
                argv[1] = pm;
                return sim_client_pm(argc - 1, argv + 1);
        }
        return sim_client_ask(argc, argv, NULL);
}

int sim_client_main(int argc, char **argv)
{
        g_autofree char *name = g_path_get_basename(argv[0]);
        const SimTool *tool = sim_tool_find(name);
        int code;

        if (tool == NULL) {
                fprintf(stderr, "%s: no such tool on the simulated phone\n", name);
                return 127;
        }
        argv[0] = (char *)tool->name;
        code = tool->client != NULL ? tool->client(argc, argv) : sim_client_ask(argc, argv, NULL);
        return code < 0 ? 1 : code;
}
