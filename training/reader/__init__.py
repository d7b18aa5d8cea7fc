"""The script classifier of the reader; the engines that read are other people's."""
