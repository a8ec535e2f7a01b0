//go:build java

package examples_test

func init() {
	compilers["java"] = []string{"javac", "-encoding", "UTF-8", "-d", "{dir}", "java/Fahuo.java"}
	commands["java"] = []string{"java", "-cp", "{dir}", "Fahuo"}
}
