/*
 * testbed-media: the WebRTC peers of testbed-host, in a process of their own. What strangers' packets reach (ICE,
 * DTLS, SRTP, SCTP, RTCP) runs here, where there is no device, no token and no file of state. Started by
 * testbed-host alone, with one end of a socketpair; ends with it.
 */
#include <gst/gst.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "host/media/memory.h"
#include "host/media/peers/peers.h"
#include "host/media/peers/sandbox.h"
#include "host/media/reaper.h"
#include "host/media/webrtc/certificate.h"
#include "host/media/webrtc/dtls.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/thread.h"
#include "lib/version.h"

#define END_MS 1000 /* for TURN ports to be given back; the host waits TB_MEDIA_CHILD_GRACE_MS */

static void raise_descriptors(void)
{
        struct rlimit limit;
        if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
                limit.rlim_cur = limit.rlim_max;
                setrlimit(RLIMIT_NOFILE, &limit);
        }
}

/* Everything that a peer uses is loaded: neither in a viewer's time, nor when programs and files are out of reach. */
static void warm_up(void)
{
        static const char *const made[] = {"webrtcbin",  "nicesrc",   "nicesink", "srtpenc",   "srtpdec",
                                           "sctpenc",    "sctpdec",   "rtpbin",   "rtpfunnel", "rtprtxsend",
                                           "rtph264pay", "rtpvp8pay", "appsrc",   "queue",     "capsfilter",
                                           "clocksync",  NULL};
        for (const char *const *name = made; *name; name++) {
                GstElement *element = gst_element_factory_make(*name, NULL);
                if (element)
                        gst_object_unref(gst_object_ref_sink(element));
        }
        g_autoptr(GstPlugin) dtls = gst_registry_find_plugin(gst_registry_get(), "dtls");
        g_autoptr(GstPlugin) loaded = dtls ? gst_plugin_load(dtls) : NULL;
        if (!loaded)
                tb_log(TB_LOG_ERROR, TB_F(), "GStreamer's plugin dtls is missing: no WebRTC");
        tb_certificate_make();
}

/* A thread of its own: a viewer who comes while it is at it waits for it. */
static void settle_dtls(gpointer data G_GNUC_UNUSED)
{
        tb_certificate_settle_gstreamer();
}

static void on_ended(void *loop)
{
        g_main_loop_quit(loop);
}

static int run(void)
{
        TbLinkReady ready = {0};
        ready.got = tb_sandbox_begin(TB_MEDIA_PICTURES, &ready.landlock);
        raise_descriptors();
        tb_memory_lean();
        tb_main_init(NULL);
        g_autoptr(GError) error = NULL;
        if (!gst_init_check(NULL, NULL, &error)) {
                tb_log(TB_LOG_ERROR, TB_F(), "testbed-media: GStreamer: %s", error->message);
                return 1;
        }
        tb_dtls_hasten();
        warm_up();
        ready.got |= tb_sandbox_complete();
        TbThread *first = tb_thread_start("dtls", settle_dtls, NULL);
        g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
        TbPeers *peers = tb_peers_new(TB_MEDIA_SOCKET, on_ended, loop);
        tb_peers_ready(peers, &ready);
        g_main_loop_run(loop);
        tb_peers_free(peers);
        tb_reaper_drain(END_MS);
        tb_reaper_stop();
        tb_main_stop();
        tb_thread_join(first);
        return 0;
}

int main(int argc, char **argv)
{
        struct stat at;
        if (argc == 2 && strcmp(argv[1], "--version") == 0) {
                printf("testbed-media %s\n", tb_version);
                return 0;
        }
        if (argc > 1 || fstat(TB_MEDIA_SOCKET, &at) != 0 || !S_ISSOCK(at.st_mode)) {
                fprintf(stderr, "testbed-media: testbed-host starts it by itself\n");
                return 2;
        }
        signal(SIGPIPE, SIG_IGN);
        /* to the whole process group: it ends when the host hangs up, after the host's own goodbyes */
        signal(SIGTERM, SIG_IGN);
        signal(SIGINT, SIG_IGN);
        tb_log_init(TB_LOG_INFO, false);
        tb_log_as_child("testbed-media");
        return run();
}
