#include "host/media/webrtc/turn.h"

#include <nice/agent.h>
#include <stdbool.h>

/* 150 + 300 + 600 ms, and 300 for the last answer: libnice ends by itself, with an answer or without */
#define FIRST_WAIT_MS 150u
#define TRIES 3u

static void closed(GObject *agent G_GNUC_UNUSED, GAsyncResult *result G_GNUC_UNUSED, gpointer done)
{
        *(bool *)done = true;
}

void tb_turn_release(GstElement *pipeline)
{
        g_autoptr(GstElement) webrtc = gst_bin_get_by_name(GST_BIN(pipeline), "webrtc");
        g_autoptr(GObject) ice = NULL, agent = NULL;
        g_object_get(webrtc, "ice-agent", &ice, NULL);
        g_object_get(ice, "agent", &agent, NULL);
        if (!agent)
                return;
        g_object_set(agent, "stun-initial-timeout", FIRST_WAIT_MS, "stun-max-retransmissions", TRIES, NULL);
        bool done = false;
        g_autoptr(GMainContext) context = g_main_context_new();
        g_main_context_push_thread_default(context);
        nice_agent_close_async(NICE_AGENT(agent), closed, &done);
        while (!done)
                g_main_context_iteration(context, TRUE);
        g_main_context_pop_thread_default(context);
}
