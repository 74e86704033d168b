# Sources of the plugin that a test or fuzz target is linked with.
plugin_files = $(1:%=rtpengine-plugin/%.c)
t_bencode_with := $(call plugin_files,ng)
t_ng_policy_with := $(call plugin_files,ng leg sdp_edit policy)
t_ng_calls_with := $(call plugin_files,calls)
t_ng_txn_with := $(call plugin_files,txn net)
t_ng_conf_with := $(call plugin_files,conf net)
t_ng_own_with := $(call plugin_files,own_node net)
fuzz_ng_with := $(call plugin_files,ng leg sdp_edit policy)
