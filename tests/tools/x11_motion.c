/*
 * Paints the whole X11 screen, or a part of it, again and again: x11_motion [FPS [log|WIDTHxHEIGHT]]
 * A moving picture of gradients and texture (what a video is to an encoder), with a frame number in 16 blocks
 * of 16x16 pixels at the top left, least significant bit first, black = 0, white = 1. Ends by a signal.
 * Prints "painting" when the first picture stands; with "log" also a line "NUMBER µs" for each: the wall
 * clock when it was handed to the X server.
 */
#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>

#include <X11/extensions/XShm.h>

static void paint(XImage *image, guint32 number)
{
        for (int y = 0; y < image->height; y++) {
                guint32 *row = (guint32 *)(void *)(image->data + (gsize)y * (gsize)image->bytes_per_line);
                for (int x = 0; x < image->width; x++) {
                        guint32 a = (guint32)(x + (int)number * 5), b = (guint32)(y + (int)number * 3);
                        guint32 texture = ((a * 7) ^ (b * 13)) & 31;
                        row[x] = ((a >> 2) & 0xff) << 16 | (((b >> 1) & 0xff) ^ texture) << 8 |
                                 (((a + b) >> 3) & 0xff);
                }
        }
        for (int bit = 0; bit < 16; bit++)
                for (int y = 0; y < 16; y++)
                        for (int x = 0; x < 16; x++)
                                ((guint32 *)(void *)(image->data +
                                                     (gsize)y * (gsize)image->bytes_per_line))[bit * 16 + x] =
                                        number >> bit & 1 ? 0xffffff : 0;
}

int main(int argc, char **argv)
{
        double fps = argc > 1 ? g_ascii_strtod(argv[1], NULL) : 30;
        bool log = argc > 2 && !strchr(argv[2], 'x');
        Display *display = XOpenDisplay(NULL);
        if (!display || !(fps >= 1 && fps <= 120)) {
                fprintf(stderr, "x11_motion: no display, or frames per second outside 1…120\n");
                return 1;
        }
        int screen = DefaultScreen(display), width = DisplayWidth(display, screen),
            height = DisplayHeight(display, screen);
        if (argc > 2 && !log &&
            (sscanf(argv[2], "%dx%d", &width, &height) != 2 || width < 256 || height < 16)) {
                fprintf(stderr, "x11_motion: %s is no size\n", argv[2]);
                return 1;
        }
        XSetWindowAttributes attributes = {.override_redirect = True};
        Window window =
                XCreateWindow(display, DefaultRootWindow(display), 0, 0, (unsigned)width, (unsigned)height, 0,
                              CopyFromParent, InputOutput, CopyFromParent, CWOverrideRedirect, &attributes);
        XMapRaised(display, window);
        XShmSegmentInfo shm = {0};
        XImage *image = XShmCreateImage(display, DefaultVisual(display, screen),
                                        (unsigned)DefaultDepth(display, screen), ZPixmap, NULL, &shm,
                                        (unsigned)width, (unsigned)height);
        shm.shmid = shmget(IPC_PRIVATE, (size_t)image->bytes_per_line * (size_t)height, IPC_CREAT | 0600);
        shm.shmaddr = image->data = shmat(shm.shmid, NULL, 0);
        XShmAttach(display, &shm);
        XSync(display, False);
        shmctl(shm.shmid, IPC_RMID, NULL);
        GC gc = XCreateGC(display, window, 0, NULL);
        gint64 next = g_get_monotonic_time();
        for (guint32 number = 0;; number++) {
                paint(image, number & 0xffff);
                gint64 at_us = g_get_real_time();
                XShmPutImage(display, window, gc, image, 0, 0, 0, 0, (unsigned)width, (unsigned)height,
                             False);
                XSync(display, False);
                if (log)
                        printf("%u %" G_GINT64_FORMAT "\n", number & 0xffff, at_us);
                if (number == 0)
                        printf("painting\n");
                if (log || number == 0)
                        fflush(stdout);
                next += (gint64)(G_USEC_PER_SEC / fps);
                gint64 wait = next - g_get_monotonic_time();
                if (wait > 0)
                        g_usleep((gulong)wait); /* lint: tests - paints at a rate */
                else
                        next = g_get_monotonic_time();
        }
}
